package dev.gemmaspark.engine.internal.tensor;

import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;

import java.lang.foreign.MemorySegment;

/**
 * Super-blocks of 256 nibbles that choose among sixteen numbers; each 32 columns have a signed scale of six bits: {@code weight = (d * sc) *
 * VALUES[q]}. The product with {@code d} is exact in single precision.
 *
 * <pre>
 * file:   d f16 | u16: bits 2s and 2s + 1 are the high two of sc + 32 of slice s | u8[4]: the low four of slices 2i and 2i + 1 in the
 *         nibbles of byte i | 8 slices of u8[16]: byte i holds q of column i (low nibble) and of column i + 16 (high)
 * packed: 8 slices of: d * sc f32[64 rows] | VALUES[q] i8[32 columns][64 rows]
 * </pre>
 *
 * Layout of the file: ggml-common.h and ggml-quants.c of https://github.com/ggml-org/ggml.
 */
final class Iq4XsFormat implements PanelFormat {
  private static final int SUPER_BLOCK = 256;
  private static final int SCALE_BYTES = 4 * PANEL_ROWS;
  private static final int SLICE_BYTES = SCALE_BYTES + SLICE_COLUMNS * PANEL_ROWS;
  private static final int SLICES = SUPER_BLOCK / SLICE_COLUMNS;
  private static final int FILE_HIGH_SCALES = 2;
  private static final int FILE_LOW_SCALES = 4;
  private static final int FILE_NIBBLES = 8;

  @Override
  public TensorType type() {
    return TensorType.IQ4_XS;
  }

  @Override
  public int blockColumns() {
    return SUPER_BLOCK;
  }

  @Override
  public int blockBytes() {
    return SLICES * SLICE_BYTES;
  }

  @Override
  public void dequantize(MemorySegment source, long offset, float[] out, int outOffset) {
    for (int slice = 0; slice < SLICES; slice++) {
      float scale = scale(source, offset, slice);
      for (int i = 0; i < SLICE_COLUMNS; i++) {
        out[outOffset + slice * SLICE_COLUMNS + i] = scale * value(source, offset, slice, i);
      }
    }
  }

  private static float scale(MemorySegment source, long offset, int slice) {
    int low = Bytes.unsignedByte(source, offset + FILE_LOW_SCALES + slice / 2) >>> 4 * (slice % 2) & 15;
    int high = Bytes.bits16(source, offset + FILE_HIGH_SCALES) >>> 2 * slice & 3;
    return Bytes.half(source, offset) * ((low | high << 4) - 32);
  }

  private static int value(MemorySegment source, long offset, int slice, int column) {
    return Iq4NlFormat.value(source, offset + FILE_NIBBLES + slice * SLICE_COLUMNS / 2, column);
  }

  @Override
  public boolean pack(
      MemorySegment source, long offset, int column, MemorySegment packed, long packedOffset, int lane) {
    for (int slice = 0; slice < SLICES; slice++) {
      long to = packedOffset + (long) slice * SLICE_BYTES;
      Bytes.putFloat32(packed, to + 4L * lane, scale(source, offset, slice));
      for (int i = 0; i < SLICE_COLUMNS; i++) {
        Bytes.putByte(packed, to + SCALE_BYTES + (long) i * PANEL_ROWS + lane, value(source, offset, slice, i));
      }
    }
    return Bytes.isFiniteHalf(Bytes.bits16(source, offset));
  }

  @Override
  public void decodeRow(MemorySegment packed, long packedOffset, int slice, int row, float[] weights, int to, int stride) {
    long from = packedOffset + (long) slice * SLICE_BYTES;
    float scale = Bytes.float32(packed, from + 4L * row);
    for (int i = 0; i < SLICE_COLUMNS; i++) {
      weights[to + i * stride] = scale * Bytes.signedByte(packed, from + SCALE_BYTES + (long) i * PANEL_ROWS + row);
    }
  }
}
