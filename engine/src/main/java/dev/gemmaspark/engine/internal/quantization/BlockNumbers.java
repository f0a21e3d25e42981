package dev.gemmaspark.engine.internal.quantization;

import dev.gemmaspark.engine.internal.tensor.Bytes;
import java.lang.foreign.MemorySegment;

/** The numbers of blocks of 32, as files have them. */
final class BlockNumbers {
  private static final int HALF = 16;

  private BlockNumbers() {}

  /** Byte i holds the low four bits of number i, and in its upper half those of number i + 16. */
  static void putNibbles(int[] numbers, MemorySegment out, long offset) {
    for (int i = 0; i < HALF; i++) {
      Bytes.putByte(out, offset + i, numbers[i] & 15 | (numbers[i + HALF] & 15) << 4);
    }
  }

  /** First the fifth bits, bit i of number i, then the others as nibbles. */
  static void putFiveBits(int[] numbers, MemorySegment out, long offset) {
    int high = 0;
    for (int i = 0; i < 2 * HALF; i++) {
      high |= numbers[i] >>> 4 << i;
    }
    for (int i = 0; i < Integer.BYTES; i++) {
      Bytes.putByte(out, offset + i, high >>> 8 * i);
    }
    putNibbles(numbers, out, offset + Integer.BYTES);
  }
}
