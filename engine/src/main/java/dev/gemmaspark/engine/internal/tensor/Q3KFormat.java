package dev.gemmaspark.engine.internal.tensor;

import java.lang.foreign.MemorySegment;

/**
 * Numbers of three bits; 16 columns have a signed scale of six bits.
 *
 * <pre>
 * file:   u8[32]: bit s of byte i is the highest of column 32 s + i | u8[64]: the others as in Q2_K | u8[12]: sc + 32; for i < 8, byte i
 *         has the low four bits of groups i and i + 8; byte 8 + i has the high two of groups i, i + 4, i + 8 and i + 12 | d f16
 * </pre>
 */
final class Q3KFormat extends SuperBlockFormat {
  private static final int FILE_LOW = 32;
  private static final int FILE_SCALES = 96;
  private static final int FILE_D = 108;

  Q3KFormat() {
    super(TensorType.Q3_K, PackedNumbers.NIBBLES, 16, 4, FILE_D, NO_MINIMA);
  }

  @Override
  int scale(MemorySegment source, long offset, int group) {
    int low = Bytes.unsignedByte(source, offset + FILE_SCALES + group % 8) >>> 4 * (group / 8) & 15;
    int high = Bytes.unsignedByte(source, offset + FILE_SCALES + 8 + group % 4) >>> 2 * (group / 4) & 3;
    return (low | high << 4) - 32;
  }

  @Override
  int number(MemorySegment source, long offset, int column) {
    int high = Bytes.unsignedByte(source, offset + column % 32) >>> column / 32 & 1;
    return Q2KFormat.twoBits(source, offset + FILE_LOW, column) | high << 2;
  }
}
