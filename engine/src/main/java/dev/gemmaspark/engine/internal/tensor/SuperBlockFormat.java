package dev.gemmaspark.engine.internal.tensor;

import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;

import java.lang.foreign.MemorySegment;

/**
 * Super-blocks of 256 numbers of two to six bits. Groups of 16 or 32 columns have a small integer as scale, and some types one as minimum:
 * {@code weight = (d * sc) * (q - zero)}, or {@code weight = (d * sc) * q - dmin * mn}. The products with {@code d} and {@code dmin} are exact
 * in single precision.
 *
 * <pre>
 * packed: d f32[64 rows] | dmin f32[64 rows], where there are minima | 8 slices of: sc i8[groups of a slice][64 rows] | mn i8[groups][64 rows],
 *         where there are minima | q as {@link PackedNumbers}
 * </pre>
 *
 * Layouts of the files: ggml-common.h and ggml-quants.c of https://github.com/ggml-org/ggml.
 */
public abstract sealed class SuperBlockFormat implements PanelFormat permits Q2KFormat, Q3KFormat, Q4KFormat, Q5KFormat, Q6KFormat {
  static final int NO_MINIMA = -1;
  private static final int SUPER_BLOCK = 256;
  private static final int SLICES = SUPER_BLOCK / SLICE_COLUMNS;

  private final TensorType type;
  private final PackedNumbers numbers;
  private final int group;
  private final int zero;
  private final int fileD;
  private final int fileDmin;

  /**
   * @param group columns that share a scale
   * @param zero the number whose weight is zero, where there are no minima
   * @param fileD where d is in a block of a file
   * @param fileDmin where dmin is, or {@link #NO_MINIMA}
   */
  SuperBlockFormat(TensorType type, PackedNumbers numbers, int group, int zero, int fileD, int fileDmin) {
    this.type = type;
    this.numbers = numbers;
    this.group = group;
    this.zero = zero;
    this.fileD = fileD;
    this.fileDmin = fileDmin;
  }

  /** The scale of a group of a block of a file. */
  abstract int scale(MemorySegment source, long offset, int group);

  /** The minimum of a group of a block of a file, where there are minima. */
  int minimum(MemorySegment source, long offset, int group) {
    throw new IllegalStateException(type + " has no minima");
  }

  /** The number of a column of a block of a file, not negative. */
  abstract int number(MemorySegment source, long offset, int column);

  @Override
  public final TensorType type() {
    return type;
  }

  @Override
  public final int blockColumns() {
    return SUPER_BLOCK;
  }

  @Override
  public final int blockBytes() {
    return headerBytes() + SLICES * sliceBytes();
  }

  /** Bytes before the first slice of a packed block. */
  public final int headerBytes() {
    return (hasMinima() ? 8 : 4) * PANEL_ROWS;
  }

  /** Bytes of a slice of a packed block. */
  public final int sliceBytes() {
    return scaleBytes() + numbers.sliceBytes();
  }

  /** Bytes before the numbers of a slice. */
  public final int scaleBytes() {
    return (hasMinima() ? 2 : 1) * groups() * PANEL_ROWS;
  }

  public final PackedNumbers numbers() {
    return numbers;
  }

  /** Columns that share a scale: 16 or 32. */
  public final int group() {
    return group;
  }

  /** Groups of a slice. */
  public final int groups() {
    return SLICE_COLUMNS / group;
  }

  /** Whether a group has a minimum; else its numbers have a zero. */
  public final boolean hasMinima() {
    return fileDmin != NO_MINIMA;
  }

  /** The number whose weight is zero, where there are no minima. */
  public final int zero() {
    return zero;
  }

  @Override
  public final void dequantize(MemorySegment source, long offset, float[] out, int outOffset) {
    float d = Bytes.half(source, offset + fileD);
    float dmin = hasMinima() ? Bytes.half(source, offset + fileDmin) : 0;
    for (int i = 0; i < SUPER_BLOCK / group; i++) {
      float scale = d * scale(source, offset, i);
      float minimum = hasMinima() ? -(dmin * minimum(source, offset, i)) : -zero * scale;
      for (int column = i * group; column < (i + 1) * group; column++) {
        out[outOffset + column] = Math.fma(number(source, offset, column), scale, minimum);
      }
    }
  }

  @Override
  public final boolean pack(
      MemorySegment source, long offset, int column, MemorySegment packed, long packedOffset, int lane) {
    float d = Bytes.half(source, offset + fileD);
    float dmin = hasMinima() ? Bytes.half(source, offset + fileDmin) : 0;
    Bytes.putFloat32(packed, packedOffset + 4L * lane, d);
    if (hasMinima()) {
      Bytes.putFloat32(packed, packedOffset + 4L * (PANEL_ROWS + lane), dmin);
    }
    int[] slice = new int[SLICE_COLUMNS];
    for (int s = 0; s < SLICES; s++) {
      long to = packedOffset + headerBytes() + (long) s * sliceBytes() + lane;
      for (int i = 0; i < groups(); i++) {
        Bytes.putByte(packed, to + i * PANEL_ROWS, scale(source, offset, s * groups() + i));
        if (hasMinima()) {
          Bytes.putByte(packed, to + (groups() + i) * PANEL_ROWS, minimum(source, offset, s * groups() + i));
        }
      }
      for (int i = 0; i < SLICE_COLUMNS; i++) {
        slice[i] = number(source, offset, s * SLICE_COLUMNS + i);
      }
      numbers.pack(slice, packed, to + scaleBytes());
    }
    return Float.isFinite(d) && Float.isFinite(dmin);
  }

  @Override
  public final void decodeRow(MemorySegment packed, long packedOffset, int slice, int row, float[] weights, int to, int stride) {
    long from = packedOffset + headerBytes() + (long) slice * sliceBytes() + row;
    float d = Bytes.float32(packed, packedOffset + 4L * row);
    float dmin = hasMinima() ? Bytes.float32(packed, packedOffset + 4L * (PANEL_ROWS + row)) : 0;
    for (int i = 0; i < groups(); i++) {
      float scale = d * Bytes.signedByte(packed, from + i * PANEL_ROWS);
      float minimum = hasMinima() ? -(dmin * Bytes.signedByte(packed, from + (groups() + i) * PANEL_ROWS)) : -zero * scale;
      numbers.decode(packed, from + scaleBytes(), i * group, group, scale, minimum, weights, to, stride);
    }
  }
}
