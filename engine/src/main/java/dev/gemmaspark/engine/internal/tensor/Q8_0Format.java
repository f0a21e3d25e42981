package dev.gemmaspark.engine.internal.tensor;

import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;

import java.lang.foreign.MemorySegment;

/**
 * Blocks of 32 signed bytes with one scale: {@code weight = d * q}.
 *
 * <pre>
 * file:   d f16 | q i8[32]
 * packed: d f16[64 rows] | q i8[32 columns][64 rows]
 * </pre>
 *
 * Layout of the file: ggml-common.h of https://github.com/ggml-org/ggml.
 */
final class Q8_0Format implements PanelFormat {
  private static final int SCALE_BYTES = 2 * PANEL_ROWS;

  @Override
  public TensorType type() {
    return TensorType.Q8_0;
  }

  @Override
  public int blockColumns() {
    return SLICE_COLUMNS;
  }

  @Override
  public int blockBytes() {
    return SCALE_BYTES + SLICE_COLUMNS * PANEL_ROWS;
  }

  @Override
  public void dequantize(MemorySegment source, long offset, float[] out, int outOffset) {
    float scale = Bytes.half(source, offset);
    for (int i = 0; i < SLICE_COLUMNS; i++) {
      out[outOffset + i] = scale * Bytes.signedByte(source, offset + 2 + i);
    }
  }

  @Override
  public boolean pack(
      MemorySegment source, long offset, int column, MemorySegment packed, long packedOffset, int lane) {
    short scale = Bytes.bits16(source, offset);
    Bytes.putBits16(packed, packedOffset + 2L * lane, scale);
    long to = packedOffset + SCALE_BYTES + lane;
    for (int i = 0; i < SLICE_COLUMNS; i++) {
      Bytes.putByte(packed, to + (long) i * PANEL_ROWS, Bytes.signedByte(source, offset + 2 + i));
    }
    return Bytes.isFiniteHalf(scale);
  }

  @Override
  public void decodeRow(MemorySegment packed, long packedOffset, int slice, int row, float[] weights, int to, int stride) {
    float scale = Bytes.half(packed, packedOffset + 2L * row);
    for (int i = 0; i < SLICE_COLUMNS; i++) {
      weights[to + i * stride] = scale * Bytes.signedByte(packed, packedOffset + SCALE_BYTES + (long) i * PANEL_ROWS + row);
    }
  }
}
