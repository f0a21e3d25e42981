package dev.gemmaspark.engine.internal.quantization;

import dev.gemmaspark.engine.internal.tensor.Bytes;
import java.lang.foreign.MemorySegment;

/** Super-blocks as files have them; the layouts stand in the formats of {@code internal.tensor} that read them. */
final class SuperBlockNumbers {
  private static final int SUPER_BLOCK = 256;

  private SuperBlockNumbers() {}

  static void putQ2K(
      short d, short dmin, int[] scales, int[] minima, int[] numbers, MemorySegment out, long offset) {
    for (int i = 0; i < scales.length; i++) {
      Bytes.putByte(out, offset + i, scales[i] | minima[i] << 4);
    }
    putTwoBits(numbers, out, offset + 16);
    Bytes.putBits16(out, offset + 80, d);
    Bytes.putBits16(out, offset + 82, dmin);
  }

  /** Numbers from -4 to 3, scales from -32 to 31. */
  static void putQ3K(short d, int[] scales, int[] numbers, MemorySegment out, long offset) {
    for (int i = 0; i < 32; i++) {
      int high = 0;
      for (int slice = 0; slice < 8; slice++) {
        high |= (numbers[32 * slice + i] + 4 >>> 2) << slice;
      }
      Bytes.putByte(out, offset + i, high);
    }
    int[] low = new int[SUPER_BLOCK];
    for (int i = 0; i < SUPER_BLOCK; i++) {
      low[i] = numbers[i] + 4 & 3;
    }
    putTwoBits(low, out, offset + 32);
    for (int i = 0; i < 8; i++) {
      Bytes.putByte(out, offset + 96 + i, scales[i] + 32 & 15 | (scales[i + 8] + 32 & 15) << 4);
    }
    for (int i = 0; i < 4; i++) {
      int high = 0;
      for (int j = 0; j < 4; j++) {
        high |= (scales[i + 4 * j] + 32 >>> 4) << 2 * j;
      }
      Bytes.putByte(out, offset + 104 + i, high);
    }
    Bytes.putBits16(out, offset + 108, d);
  }

  private static void putTwoBits(int[] numbers, MemorySegment out, long offset) {
    for (int half = 0; half < 2; half++) {
      for (int i = 0; i < 32; i++) {
        int four = 0;
        for (int j = 0; j < 4; j++) {
          four |= numbers[128 * half + 32 * j + i] << 2 * j;
        }
        Bytes.putByte(out, offset + 32 * half + i, four);
      }
    }
  }

  static void putQ4K(
      short d, short dmin, int[] scales, int[] minima, int[] numbers, MemorySegment out, long offset) {
    putScalesAndMinima(d, dmin, scales, minima, out, offset);
    putLowNibbles(numbers, out, offset + 16);
  }

  static void putQ5K(
      short d, short dmin, int[] scales, int[] minima, int[] numbers, MemorySegment out, long offset) {
    putScalesAndMinima(d, dmin, scales, minima, out, offset);
    for (int i = 0; i < 32; i++) {
      int high = 0;
      for (int slice = 0; slice < 8; slice++) {
        high |= (numbers[32 * slice + i] >>> 4) << slice;
      }
      Bytes.putByte(out, offset + 16 + i, high);
    }
    putLowNibbles(numbers, out, offset + 48);
  }

  private static void putScalesAndMinima(
      short d, short dmin, int[] scales, int[] minima, MemorySegment out, long offset) {
    Bytes.putBits16(out, offset, d);
    Bytes.putBits16(out, offset + 2, dmin);
    for (int i = 0; i < 4; i++) {
      Bytes.putByte(out, offset + 4 + i, scales[i] | scales[i + 4] >>> 4 << 6);
      Bytes.putByte(out, offset + 8 + i, minima[i] | minima[i + 4] >>> 4 << 6);
      Bytes.putByte(out, offset + 12 + i, scales[i + 4] & 15 | (minima[i + 4] & 15) << 4);
    }
  }

  private static void putLowNibbles(int[] numbers, MemorySegment out, long offset) {
    for (int quarter = 0; quarter < 4; quarter++) {
      for (int i = 0; i < 32; i++) {
        int pair = numbers[64 * quarter + i] & 15 | (numbers[64 * quarter + 32 + i] & 15) << 4;
        Bytes.putByte(out, offset + 32 * quarter + i, pair);
      }
    }
  }

  /** Numbers from -32 to 31, scales of eight bits. */
  static void putQ6K(short d, int[] scales, int[] numbers, MemorySegment out, long offset) {
    for (int half = 0; half < 2; half++) {
      for (int i = 0; i < 32; i++) {
        int[] q = new int[4];
        for (int j = 0; j < 4; j++) {
          q[j] = numbers[128 * half + 32 * j + i] + 32;
        }
        Bytes.putByte(out, offset + 64 * half + i, q[0] & 15 | (q[2] & 15) << 4);
        Bytes.putByte(out, offset + 64 * half + 32 + i, q[1] & 15 | (q[3] & 15) << 4);
        Bytes.putByte(out, offset + 128 + 32 * half + i, q[0] >>> 4 | q[1] >>> 4 << 2 | q[2] >>> 4 << 4 | q[3] >>> 4 << 6);
      }
    }
    for (int i = 0; i < scales.length; i++) {
      Bytes.putByte(out, offset + 192 + i, scales[i]);
    }
    Bytes.putBits16(out, offset + 208, d);
  }

  /** Nibbles that choose, scales from -32 to 31. */
  static void putIq4Xs(short d, int[] scales, int[] numbers, MemorySegment out, long offset) {
    Bytes.putBits16(out, offset, d);
    int high = 0;
    for (int i = 0; i < scales.length; i++) {
      high |= (scales[i] + 32 >>> 4) << 2 * i;
    }
    Bytes.putBits16(out, offset + 2, (short) high);
    for (int i = 0; i < 4; i++) {
      Bytes.putByte(out, offset + 4 + i, scales[2 * i] + 32 & 15 | (scales[2 * i + 1] + 32 & 15) << 4);
    }
    for (int slice = 0; slice < 8; slice++) {
      for (int i = 0; i < 16; i++) {
        int pair = numbers[32 * slice + i] | numbers[32 * slice + 16 + i] << 4;
        Bytes.putByte(out, offset + 8 + 16 * slice + i, pair);
      }
    }
  }
}
