package dev.gemmaspark.engine.internal.tensor;

import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;

import java.lang.foreign.MemorySegment;

/**
 * Blocks of 32 numbers of four or five bits with one scale: {@code weight = d * (q - zero)}, or with a minimum too: {@code weight = d * q +
 * m}.
 *
 * <pre>
 * packed: d f16[64 rows] | m f16[64 rows], where there are minima | q as {@link PackedNumbers}
 * </pre>
 *
 * Layouts of the files: ggml-common.h and ggml-quants.c of https://github.com/ggml-org/ggml.
 */
public abstract sealed class BlockFormat implements PanelFormat {
  private final TensorType type;
  private final PackedNumbers numbers;
  private final boolean hasMinima;
  private final int zero;

  private BlockFormat(TensorType type, PackedNumbers numbers, boolean hasMinima, int zero) {
    this.type = type;
    this.numbers = numbers;
    this.hasMinima = hasMinima;
    this.zero = zero;
  }

  /** {@code d f16 | u8[16]}: byte i holds q of column i (low nibble) and of column i + 16 (high). */
  static final class Q4_0 extends BlockFormat {
    Q4_0() {
      super(TensorType.Q4_0, PackedNumbers.NIBBLES, false, 8);
    }

    @Override
    int number(MemorySegment source, long offset, int column) {
      return nibble(source, offset + 2, column);
    }
  }

  /** {@code d f16 | m f16 | u8[16]} as in Q4_0. */
  static final class Q4_1 extends BlockFormat {
    Q4_1() {
      super(TensorType.Q4_1, PackedNumbers.NIBBLES, true, 0);
    }

    @Override
    int number(MemorySegment source, long offset, int column) {
      return nibble(source, offset + 4, column);
    }
  }

  /** {@code d f16 | u32}: bit i is the highest of column i {@code | u8[16]}: the others as in Q4_0. */
  static final class Q5_0 extends BlockFormat {
    Q5_0() {
      super(TensorType.Q5_0, PackedNumbers.SIX_BITS, false, 16);
    }

    @Override
    int number(MemorySegment source, long offset, int column) {
      return nibble(source, offset + 6, column) | bit(source, offset + 2, column) << 4;
    }
  }

  /** {@code d f16 | m f16 | u32 | u8[16]} as in Q5_0. */
  static final class Q5_1 extends BlockFormat {
    Q5_1() {
      super(TensorType.Q5_1, PackedNumbers.SIX_BITS, true, 0);
    }

    @Override
    int number(MemorySegment source, long offset, int column) {
      return nibble(source, offset + 8, column) | bit(source, offset + 4, column) << 4;
    }
  }

  /** Of 16 bytes that hold 32 columns, the first half in the low nibbles. */
  static int nibble(MemorySegment source, long offset, int column) {
    int pair = Bytes.unsignedByte(source, offset + column % 16);
    return column < 16 ? pair & 15 : pair >>> 4;
  }

  private static int bit(MemorySegment source, long offset, int column) {
    return Bytes.unsignedByte(source, offset + column / 8) >>> column % 8 & 1;
  }

  /** The number of a column as the file has it, not negative. */
  abstract int number(MemorySegment source, long offset, int column);

  @Override
  public final TensorType type() {
    return type;
  }

  @Override
  public final int blockColumns() {
    return SLICE_COLUMNS;
  }

  @Override
  public final int blockBytes() {
    return headerBytes() + numbers.sliceBytes();
  }

  /** Bytes before the numbers of a packed block. */
  public final int headerBytes() {
    return (hasMinima ? 4 : 2) * PANEL_ROWS;
  }

  public final PackedNumbers numbers() {
    return numbers;
  }

  /** Whether a block has a minimum; else its numbers have a zero. */
  public final boolean hasMinima() {
    return hasMinima;
  }

  /** The number whose weight is zero, where there are no minima. */
  public final int zero() {
    return zero;
  }

  @Override
  public final void dequantize(MemorySegment source, long offset, float[] out, int outOffset) {
    float scale = Bytes.half(source, offset);
    float minimum = hasMinima ? Bytes.half(source, offset + 2) : -zero * scale;
    for (int i = 0; i < SLICE_COLUMNS; i++) {
      out[outOffset + i] = Math.fma(number(source, offset, i), scale, minimum);
    }
  }

  @Override
  public final boolean pack(
      MemorySegment source, long offset, int column, MemorySegment packed, long packedOffset, int lane) {
    short scale = Bytes.bits16(source, offset);
    Bytes.putBits16(packed, packedOffset + 2L * lane, scale);
    boolean finite = Bytes.isFiniteHalf(scale);
    if (hasMinima) {
      short minimum = Bytes.bits16(source, offset + 2);
      Bytes.putBits16(packed, packedOffset + 2L * (PANEL_ROWS + lane), minimum);
      finite &= Bytes.isFiniteHalf(minimum);
    }
    int[] slice = new int[SLICE_COLUMNS];
    for (int i = 0; i < SLICE_COLUMNS; i++) {
      slice[i] = number(source, offset, i);
    }
    numbers.pack(slice, packed, packedOffset + headerBytes() + lane);
    return finite;
  }

  @Override
  public final void decodeRow(MemorySegment packed, long packedOffset, int slice, int row, float[] weights, int to, int stride) {
    float scale = Bytes.half(packed, packedOffset + 2L * row);
    float minimum = hasMinima ? Bytes.half(packed, packedOffset + 2L * (PANEL_ROWS + row)) : -zero * scale;
    numbers.decode(packed, packedOffset + headerBytes() + row, 0, SLICE_COLUMNS, scale, minimum, weights, to, stride);
  }
}
