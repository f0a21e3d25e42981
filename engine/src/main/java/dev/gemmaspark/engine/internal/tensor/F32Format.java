package dev.gemmaspark.engine.internal.tensor;

import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * IEEE single precision, 4 bytes a weight. Packed block: 4 x 32 columns x 64 rows. The scale is one.
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
  public int groupColumns() {
    return SLICE_COLUMNS;
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
  public void unpack(MemorySegment packed, long packedOffset, int slice, DecodedPanel panel, int slot) {
    Arrays.fill(panel.scales, slot * PANEL_ROWS, (slot + 1) * PANEL_ROWS, 1f);
    Arrays.fill(panel.offsets, slot * PANEL_ROWS, (slot + 1) * PANEL_ROWS, 0f);
    long from = packedOffset;
    int to = slot * SLICE_COLUMNS * PANEL_ROWS;
    for (int i = 0; i < SLICE_COLUMNS * PANEL_ROWS; i++) {
      panel.q[to + i] = Bytes.float32(packed, from + 4L * i);
    }
  }
}
