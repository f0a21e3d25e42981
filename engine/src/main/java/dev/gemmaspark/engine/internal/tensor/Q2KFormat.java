package dev.gemmaspark.engine.internal.tensor;

import java.lang.foreign.MemorySegment;

/**
 * Numbers of two bits; 16 columns have a scale and a minimum of four bits.
 *
 * <pre>
 * file:   u8[16]: sc (low nibble) and mn (high) of a group | u8[64]: bits 2j and 2j + 1 of byte 32 n + i are q of column 128 n + 32 j +
 *         i | d f16 | dmin f16
 * </pre>
 */
final class Q2KFormat extends SuperBlockFormat {
  private static final int FILE_NUMBERS = 16;
  private static final int FILE_D = 80;

  Q2KFormat() {
    super(TensorType.Q2_K, PackedNumbers.NIBBLES, 16, 0, FILE_D, FILE_D + 2);
  }

  @Override
  int scale(MemorySegment source, long offset, int group) {
    return Bytes.unsignedByte(source, offset + group) & 15;
  }

  @Override
  int minimum(MemorySegment source, long offset, int group) {
    return Bytes.unsignedByte(source, offset + group) >>> 4;
  }

  @Override
  int number(MemorySegment source, long offset, int column) {
    return twoBits(source, offset + FILE_NUMBERS, column);
  }

  /** Of 64 bytes that hold 256 columns. */
  static int twoBits(MemorySegment source, long offset, int column) {
    return Bytes.unsignedByte(source, offset + column / 128 * 32 + column % 32) >>> 2 * (column % 128 / 32) & 3;
  }
}
