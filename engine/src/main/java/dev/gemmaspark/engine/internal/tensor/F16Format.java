package dev.gemmaspark.engine.internal.tensor;

import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;

import java.lang.foreign.MemorySegment;

/**
 * IEEE half precision, 2 bytes a weight. Packed block: 2 x 32 columns x 64 rows.
 */
final class F16Format implements PanelFormat {
  @Override
  public TensorType type() {
    return TensorType.F16;
  }

  @Override
  public int blockColumns() {
    return SLICE_COLUMNS;
  }

  @Override
  public int blockBytes() {
    return 2 * SLICE_COLUMNS * PANEL_ROWS;
  }

  @Override
  public void dequantize(MemorySegment source, long offset, float[] out, int outOffset) {
    out[outOffset] = Bytes.half(source, offset);
  }

  @Override
  public boolean pack(
      MemorySegment source, long offset, int column, MemorySegment packed, long packedOffset, int lane) {
    short bits = Bytes.bits16(source, offset);
    Bytes.putBits16(packed, packedOffset + 2L * (column * PANEL_ROWS + lane), bits);
    return Bytes.isFiniteHalf(bits);
  }

  @Override
  public void decodeRow(MemorySegment packed, long packedOffset, int slice, int row, float[] weights, int to, int stride) {
    for (int i = 0; i < SLICE_COLUMNS; i++) {
      weights[to + i * stride] = Bytes.half(packed, packedOffset + 2L * (i * PANEL_ROWS + row));
    }
  }
}
