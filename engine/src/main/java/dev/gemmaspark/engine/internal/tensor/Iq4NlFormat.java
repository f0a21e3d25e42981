package dev.gemmaspark.engine.internal.tensor;

import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;

import java.lang.foreign.MemorySegment;

/**
 * Blocks of 32 nibbles that choose among sixteen numbers, with one scale: {@code weight = d * VALUES[q]}. Packed as the bytes of {@link
 * Q8_0Format}, whose kernel runs them.
 *
 * <pre>
 * file:   d f16 | u8[16]: byte i holds q of column i (low nibble) and of column i + 16 (high)
 * </pre>
 *
 * Layout of the file: ggml-common.h and ggml-quants.c of https://github.com/ggml-org/ggml.
 */
final class Iq4NlFormat implements PanelFormat {
  private static final Q8_0Format BYTES = new Q8_0Format();

  @Override
  public TensorType type() {
    return TensorType.IQ4_NL;
  }

  @Override
  public int blockColumns() {
    return BYTES.blockColumns();
  }

  @Override
  public int blockBytes() {
    return BYTES.blockBytes();
  }

  @Override
  public void dequantize(MemorySegment source, long offset, float[] out, int outOffset) {
    float scale = Bytes.half(source, offset);
    for (int i = 0; i < SLICE_COLUMNS; i++) {
      out[outOffset + i] = scale * value(source, offset + 2, i);
    }
  }

  /** Of a block of 32 nibbles. */
  static int value(MemorySegment source, long nibbles, int column) {
    return NonLinear.value(BlockFormat.nibble(source, nibbles, column));
  }

  @Override
  public boolean pack(
      MemorySegment source, long offset, int column, MemorySegment packed, long packedOffset, int lane) {
    short scale = Bytes.bits16(source, offset);
    Bytes.putBits16(packed, packedOffset + 2L * lane, scale);
    for (int i = 0; i < SLICE_COLUMNS; i++) {
      Bytes.putByte(packed, packedOffset + (2L + i) * PANEL_ROWS + lane, value(source, offset + 2, i));
    }
    return Bytes.isFiniteHalf(scale);
  }

  @Override
  public void decodeRow(MemorySegment packed, long packedOffset, int slice, int row, float[] weights, int to, int stride) {
    BYTES.decodeRow(packed, packedOffset, slice, row, weights, to, stride);
  }
}
