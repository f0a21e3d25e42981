package dev.gemmaspark.engine.internal.tensor;

import java.lang.foreign.MemorySegment;

/**
 * Numbers of five bits; 32 columns have a scale and a minimum of six bits.
 *
 * <pre>
 * file:   d f16 | dmin f16 | u8[12]: {@link SixBitScales} | u8[32]: bit s of byte i is the highest of column 32 s + i | u8[128]: the
 *         others as in Q4_K
 * </pre>
 */
final class Q5KFormat extends SuperBlockFormat {
  private static final int FILE_SCALES = 4;
  private static final int FILE_HIGH = FILE_SCALES + SixBitScales.BYTES;
  private static final int FILE_LOW = FILE_HIGH + 32;

  Q5KFormat() {
    super(TensorType.Q5_K, PackedNumbers.SIX_BITS, 32, 0, 0, 2);
  }

  @Override
  int scale(MemorySegment source, long offset, int group) {
    return SixBitScales.scale(source, offset + FILE_SCALES, group);
  }

  @Override
  int minimum(MemorySegment source, long offset, int group) {
    return SixBitScales.minimum(source, offset + FILE_SCALES, group);
  }

  @Override
  int number(MemorySegment source, long offset, int column) {
    int high = Bytes.unsignedByte(source, offset + FILE_HIGH + column % 32) >>> column / 32 & 1;
    return Q4KFormat.nibble(source, offset + FILE_LOW, column) | high << 4;
  }
}
