package dev.gemmaspark.engine.internal.tensor;

import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;

import java.lang.foreign.MemorySegment;

/**
 * IEEE single precision, 4 bytes a weight. Packed block: 4 x 32 columns x 64 rows.
 */
final class F32Format implements PanelFormat {
  @Override
  public TensorType type() {
    return TensorType.F32;
  }

  @Override
  public int blockColumns() {
    return SLICE_COLUMNS;
  }

  @Override
  public int blockBytes() {
    return 4 * SLICE_COLUMNS * PANEL_ROWS;
  }

  @Override
  public void dequantize(MemorySegment source, long offset, float[] out, int outOffset) {
    out[outOffset] = Bytes.float32(source, offset);
  }

  @Override
  public boolean pack(
      MemorySegment source, long offset, int column, MemorySegment packed, long packedOffset, int lane) {
    float value = Bytes.float32(source, offset);
    Bytes.putFloat32(packed, packedOffset + 4L * (column * PANEL_ROWS + lane), value);
    return Float.isFinite(value);
  }

  @Override
  public void decodeRow(MemorySegment packed, long packedOffset, int slice, int row, float[] weights, int to, int stride) {
    for (int i = 0; i < SLICE_COLUMNS; i++) {
      weights[to + i * stride] = Bytes.float32(packed, packedOffset + 4L * (i * PANEL_ROWS + row));
    }
  }
}
