package dev.gemmaspark.engine.internal.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.random.RandomGenerator;

/** Matrices of random blocks of any weight type: random bytes with small finite scales. */
public final class RandomWeights {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private RandomWeights() {}

  public static WeightMatrix matrix(
      TensorType type, int rows, int columns, RandomGenerator random) {
    byte[] bytes = new byte[Math.toIntExact(rows * type.bytes(columns))];
    random.nextBytes(bytes);
    MemorySegment data = MemorySegment.ofArray(bytes);
    for (int at = 0; at < bytes.length; at += type.blockBytes()) {
      switch (type) {
        case F32 -> data.set(
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), at, random.nextFloat() - 0.5f);
        case F16, Q8_0, Q4_0, Q5_0, IQ4_NL, IQ4_XS -> half(data, at, random);
        case BF16 -> data.set(SHORT, at, (short) (Float.floatToRawIntBits(random.nextFloat() - 0.5f) >>> 16));
        case Q4_1, Q5_1, Q4_K, Q5_K -> {
          half(data, at, random);
          half(data, at + 2, random);
        }
        case Q2_K -> {
          half(data, at + 80, random);
          half(data, at + 82, random);
        }
        case Q3_K -> half(data, at + 108, random);
        case Q6_K -> half(data, at + 208, random);
      }
    }
    return new WeightMatrix("random", type, rows, columns, data);
  }

  /** Mostly ordinary numbers, some denormal. */
  private static void half(MemorySegment data, long at, RandomGenerator random) {
    float value = random.nextInt(8) == 0 ? 1e-6f * random.nextFloat() : (random.nextFloat() - 0.5f) / 8;
    data.set(SHORT, at, Float.floatToFloat16(value));
  }

  /** The matrix's weights as its type defines them: [row][column]. */
  public static float[] dequantized(WeightMatrix matrix) {
    PanelFormat format = PanelFormats.of(matrix.type());
    float[] weights = new float[matrix.rows() * matrix.columns()];
    for (int row = 0; row < matrix.rows(); row++) {
      for (int column = 0; column < matrix.columns(); column += matrix.type().blockSize()) {
        long offset =
            row * matrix.rowBytes()
                + (long) (column / matrix.type().blockSize()) * matrix.type().blockBytes();
        format.dequantize(matrix.data(), offset, weights, row * matrix.columns() + column);
      }
    }
    return weights;
  }

  /** The matrix, packed. */
  public static PackedMatrix packed(WeightRows matrix) {
    PanelFormat format = PanelFormats.of(matrix.type());
    long bytes = PackedMatrix.packedBytes(format, matrix.rows(), matrix.columns());
    MemorySegment data = java.lang.foreign.Arena.ofAuto().allocate(bytes, 64);
    long panelBytes = PackedMatrix.panelBytes(format, matrix.columns());
    for (int panel = 0; panel < PackedMatrix.panels(matrix.rows()); panel++) {
      PackedMatrix.packPanel(matrix, panel, data.asSlice(panel * panelBytes, panelBytes));
    }
    return new PackedMatrix(matrix.name(), format, matrix.rows(), matrix.columns(), data);
  }
}
