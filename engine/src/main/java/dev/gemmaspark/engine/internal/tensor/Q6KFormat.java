package dev.gemmaspark.engine.internal.tensor;

import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;

import java.lang.foreign.MemorySegment;

/**
 * Super-blocks of 256 six-bit numbers; each 16 columns have a signed scale: {@code weight = (d * sc) * (q - 32)}, that is
 * {@code scale * q + offset} with {@code offset = -32 scale}. The product with {@code d} is exact in single precision.
 *
 * <pre>
 * file:   ql u8[128] | qh u8[64] | sc i8[16] | d f16. Half n of 128 columns, i in 0..31: column i has ql[64n + i] & 15 and bits 0-1 of
 *         qh[32n + i]; column 32 + i has ql[64n + 32 + i] & 15 and bits 2-3; column 64 + i has ql[64n + i] >> 4 and bits 4-5; column
 *         96 + i has ql[64n + 32 + i] >> 4 and bits 6-7
 * packed: d f32[64 rows] | 8 slices of: sc i8[2][64] | u8[16][64]: low four bits as in Q4_0 | u8[8][64]: byte i holds the high two
 *         bits of columns 4i (bits 0-1) to 4i + 3 (bits 6-7)
 * </pre>
 *
 * Layout of the file: ggml-common.h and ggml-quants.c of https://github.com/ggml-org/ggml.
 */
final class Q6KFormat implements PanelFormat {
  private static final int SUPER_BLOCK = 256;
  private static final int GROUP = 16;
  private static final int HEADER_BYTES = 4 * PANEL_ROWS;
  private static final int SLICE_BYTES = 2 * PANEL_ROWS + SLICE_COLUMNS * 3 / 4 * PANEL_ROWS;
  private static final int SLICES = SUPER_BLOCK / SLICE_COLUMNS;
  private static final int FILE_HIGH = 128;
  private static final int FILE_SCALES = 192;
  private static final int FILE_D = 208;

  @Override
  public TensorType type() {
    return TensorType.Q6_K;
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
    float d = Bytes.half(source, offset + FILE_D);
    for (int column = 0; column < SUPER_BLOCK; column++) {
      float scale = d * Bytes.signedByte(source, offset + FILE_SCALES + column / GROUP);
      out[outOffset + column] = scale * (sixBits(source, offset, column) - 32);
    }
  }

  private static int sixBits(MemorySegment source, long offset, int column) {
    int half = column / 128;
    int quarter = column % 128 / 32;
    int i = column % 32;
    int low = Bytes.unsignedByte(source, offset + half * 64 + quarter % 2 * 32 + i);
    int high = Bytes.unsignedByte(source, offset + FILE_HIGH + half * 32 + i);
    return (quarter < 2 ? low & 15 : low >>> 4) | (high >>> 2 * quarter & 3) << 4;
  }

  @Override
  public boolean pack(
      MemorySegment source, long offset, int column, MemorySegment packed, long packedOffset, int lane) {
    float d = Bytes.half(source, offset + FILE_D);
    Bytes.putFloat32(packed, packedOffset + 4L * lane, d);
    for (int slice = 0; slice < SLICES; slice++) {
      long to = packedOffset + HEADER_BYTES + (long) slice * SLICE_BYTES + lane;
      int first = slice * SLICE_COLUMNS;
      Bytes.putByte(packed, to, Bytes.signedByte(source, offset + FILE_SCALES + 2 * slice));
      Bytes.putByte(packed, to + PANEL_ROWS, Bytes.signedByte(source, offset + FILE_SCALES + 2 * slice + 1));
      for (int i = 0; i < SLICE_COLUMNS / 4; i++) {
        int high = 0;
        for (int j = 0; j < 4; j++) {
          high |= sixBits(source, offset, first + 4 * i + j) >>> 4 << 2 * j;
        }
        for (int j = 0; j < 4; j += 2) {
          int even = sixBits(source, offset, first + 4 * i + j) & 15;
          int odd = sixBits(source, offset, first + 4 * i + j + 1) & 15;
          Bytes.putByte(packed, to + (2L + 2 * i + j / 2) * PANEL_ROWS, even | odd << 4);
        }
        Bytes.putByte(packed, to + (2L + SLICE_COLUMNS / 2 + i) * PANEL_ROWS, high);
      }
    }
    return Float.isFinite(d);
  }

  @Override
  public void decode(MemorySegment packed, long packedOffset, int slice, float[] weights, int to) {
    long from = packedOffset + HEADER_BYTES + (long) slice * SLICE_BYTES;
    long low = from + 2 * PANEL_ROWS;
    long high = low + Nibbles.SLICE_BYTES;
    for (int row = 0; row < PANEL_ROWS; row++) {
      float d = Bytes.float32(packed, packedOffset + 4L * row);
      for (int column = 0; column < SLICE_COLUMNS; column++) {
        float scale = d * Bytes.signedByte(packed, from + column / GROUP * PANEL_ROWS + row);
        int pair = Bytes.unsignedByte(packed, low + (long) (column / 2) * PANEL_ROWS + row);
        int four = Bytes.unsignedByte(packed, high + (long) (column / 4) * PANEL_ROWS + row);
        int q = pair >>> 4 * (column % 2) & 15 | (four >>> 2 * (column % 4) & 3) << 4;
        weights[to + column * PANEL_ROWS + row] = Math.fma(q, scale, -32 * scale);
      }
    }
  }
}
