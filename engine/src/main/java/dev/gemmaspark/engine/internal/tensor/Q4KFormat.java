package dev.gemmaspark.engine.internal.tensor;

import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;

import java.lang.foreign.MemorySegment;

/**
 * Super-blocks of 256 nibbles; each 32 columns have a six-bit scale and a six-bit minimum: {@code weight = (d * sc) * q - dmin *
 * mn}. The products with {@code d} and {@code dmin} are exact in single precision.
 *
 * <pre>
 * file:   d f16 | dmin f16 | u8[12]: eight (sc, mn) of six bits | u8[128]: byte 32 g + i holds q of column 64 g + i (low nibble)
 *         and of column 64 g + 32 + i (high)
 * packed: d f32[64 rows] | dmin f32[64 rows] | 8 slices of: sc u8[64] | mn u8[64] | u8[16][64] nibbles as in Q4_0
 * </pre>
 *
 * Layout of the file: ggml-common.h and ggml-quants.c of https://github.com/ggml-org/ggml.
 */
final class Q4KFormat implements PanelFormat {
  private static final int SUPER_BLOCK = 256;
  private static final int HEADER_BYTES = 8 * PANEL_ROWS;
  private static final int SLICE_BYTES = 2 * PANEL_ROWS + Nibbles.SLICE_BYTES;
  private static final int SLICES = SUPER_BLOCK / SLICE_COLUMNS;
  private static final int FILE_SCALES = 4;
  private static final int FILE_QUANTS = 16;

  @Override
  public TensorType type() {
    return TensorType.Q4_K;
  }

  @Override
  public int blockColumns() {
    return SUPER_BLOCK;
  }

  @Override
  public int blockBytes() {
    return HEADER_BYTES + SLICES * SLICE_BYTES;
  }

  @Override
  public void dequantize(MemorySegment source, long offset, float[] out, int outOffset) {
    float d = Bytes.half(source, offset);
    float dmin = Bytes.half(source, offset + 2);
    for (int slice = 0; slice < SLICES; slice++) {
      float scale = d * scale(source, offset + FILE_SCALES, slice);
      float minimum = dmin * minimum(source, offset + FILE_SCALES, slice);
      for (int i = 0; i < SLICE_COLUMNS; i++) {
        out[outOffset + slice * SLICE_COLUMNS + i] =
            scale * nibble(source, offset + FILE_QUANTS, slice, i) - minimum;
      }
    }
  }

  @Override
  public boolean pack(
      MemorySegment source, long offset, int column, MemorySegment packed, long packedOffset, int lane) {
    float d = Bytes.half(source, offset);
    float dmin = Bytes.half(source, offset + 2);
    Bytes.putFloat32(packed, packedOffset + 4L * lane, d);
    Bytes.putFloat32(packed, packedOffset + 4L * (PANEL_ROWS + lane), dmin);
    for (int slice = 0; slice < SLICES; slice++) {
      long to = packedOffset + HEADER_BYTES + (long) slice * SLICE_BYTES + lane;
      Bytes.putByte(packed, to, scale(source, offset + FILE_SCALES, slice));
      Bytes.putByte(packed, to + PANEL_ROWS, minimum(source, offset + FILE_SCALES, slice));
      for (int i = 0; i < SLICE_COLUMNS / 2; i++) {
        int low = nibble(source, offset + FILE_QUANTS, slice, 2 * i);
        int high = nibble(source, offset + FILE_QUANTS, slice, 2 * i + 1);
        Bytes.putByte(packed, to + (2L + i) * PANEL_ROWS, low | high << 4);
      }
    }
    return Float.isFinite(d) && Float.isFinite(dmin);
  }

  /** Slices 0 to 3 have their six bits in one byte, the others in two. */
  private static int scale(MemorySegment source, long scales, int slice) {
    return slice < 4
        ? Bytes.unsignedByte(source, scales + slice) & 63
        : Bytes.unsignedByte(source, scales + slice + 4) & 15
            | Bytes.unsignedByte(source, scales + slice - 4) >>> 6 << 4;
  }

  private static int minimum(MemorySegment source, long scales, int slice) {
    return slice < 4
        ? Bytes.unsignedByte(source, scales + slice + 4) & 63
        : Bytes.unsignedByte(source, scales + slice + 4) >>> 4
            | Bytes.unsignedByte(source, scales + slice) >>> 6 << 4;
  }

  private static int nibble(MemorySegment source, long quants, int slice, int column) {
    int pair = Bytes.unsignedByte(source, quants + slice / 2 * SLICE_COLUMNS + column);
    return slice % 2 == 0 ? pair & 15 : pair >>> 4;
  }

  @Override
  public void decode(MemorySegment packed, long packedOffset, int slice, float[] weights, int to) {
    long from = packedOffset + HEADER_BYTES + (long) slice * SLICE_BYTES;
    for (int row = 0; row < PANEL_ROWS; row++) {
      float d = Bytes.float32(packed, packedOffset + 4L * row);
      float dmin = Bytes.float32(packed, packedOffset + 4L * (PANEL_ROWS + row));
      float scale = d * Bytes.unsignedByte(packed, from + row);
      float offset = -(dmin * Bytes.unsignedByte(packed, from + PANEL_ROWS + row));
      Nibbles.decode(packed, from + 2 * PANEL_ROWS + row, scale, offset, weights, to + row);
    }
  }
}
