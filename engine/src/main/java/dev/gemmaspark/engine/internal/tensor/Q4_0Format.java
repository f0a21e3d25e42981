package dev.gemmaspark.engine.internal.tensor;

import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;

import java.lang.foreign.MemorySegment;

/**
 * Blocks of 32 nibbles with one scale: {@code weight = d * (q - 8)}, that is {@code d * q + offset} with {@code offset = -8 d}.
 *
 * <pre>
 * file:   d f16 | u8[16]: byte i holds q of column i (low nibble) and of column i + 16 (high)
 * packed: d f16[64 rows] | u8[16][64 rows]: byte i holds q of column 2i (low nibble) and of column 2i + 1 (high)
 * </pre>
 *
 * Layout of the file: ggml-common.h of https://github.com/ggml-org/ggml.
 */
final class Q4_0Format implements PanelFormat {
  private static final int SCALE_BYTES = 2 * PANEL_ROWS;
  private static final int HALF = SLICE_COLUMNS / 2;

  @Override
  public TensorType type() {
    return TensorType.Q4_0;
  }

  @Override
  public int blockColumns() {
    return SLICE_COLUMNS;
  }

  @Override
  public int blockBytes() {
    return SCALE_BYTES + HALF * PANEL_ROWS;
  }

  @Override
  public void dequantize(MemorySegment source, long offset, float[] out, int outOffset) {
    float scale = Bytes.half(source, offset);
    for (int i = 0; i < SLICE_COLUMNS; i++) {
      out[outOffset + i] = scale * (nibble(source, offset + 2, i) - 8);
    }
  }

  @Override
  public boolean pack(
      MemorySegment source, long offset, int column, MemorySegment packed, long packedOffset, int lane) {
    short scale = Bytes.bits16(source, offset);
    Bytes.putBits16(packed, packedOffset + 2L * lane, scale);
    long to = packedOffset + SCALE_BYTES + lane;
    for (int i = 0; i < HALF; i++) {
      int pair = nibble(source, offset + 2, 2 * i) | nibble(source, offset + 2, 2 * i + 1) << 4;
      Bytes.putByte(packed, to + (long) i * PANEL_ROWS, pair);
    }
    return Bytes.isFiniteHalf(scale);
  }

  private static int nibble(MemorySegment source, long quants, int column) {
    int pair = Bytes.unsignedByte(source, quants + column % HALF);
    return column < HALF ? pair & 15 : pair >>> 4;
  }

  @Override
  public void decode(MemorySegment packed, long packedOffset, int slice, float[] weights, int to) {
    for (int row = 0; row < PANEL_ROWS; row++) {
      float scale = Bytes.half(packed, packedOffset + 2L * row);
      Nibbles.decode(packed, packedOffset + SCALE_BYTES + row, scale, -8 * scale, weights, to + row);
    }
  }
}
