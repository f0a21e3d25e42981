package dev.gemmaspark.engine.internal.tensor;

import java.lang.foreign.MemorySegment;

/**
 * Nibbles; 32 columns have a scale and a minimum of six bits.
 *
 * <pre>
 * file:   d f16 | dmin f16 | u8[12]: {@link SixBitScales} | u8[128]: byte 32 g + i holds q of column 64 g + i (low nibble) and of column
 *         64 g + 32 + i (high)
 * </pre>
 */
final class Q4KFormat extends SuperBlockFormat {
  private static final int FILE_SCALES = 4;
  private static final int FILE_NUMBERS = FILE_SCALES + SixBitScales.BYTES;

  Q4KFormat() {
    super(TensorType.Q4_K, PackedNumbers.NIBBLES, 32, 0, 0, 2);
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
    return nibble(source, offset + FILE_NUMBERS, column);
  }

  /** Of 128 bytes that hold 256 columns. */
  static int nibble(MemorySegment source, long offset, int column) {
    int pair = Bytes.unsignedByte(source, offset + column / 64 * 32 + column % 32);
    return column % 64 < 32 ? pair & 15 : pair >>> 4;
  }
}
