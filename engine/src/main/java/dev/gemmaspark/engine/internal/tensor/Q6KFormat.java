package dev.gemmaspark.engine.internal.tensor;

import java.lang.foreign.MemorySegment;

/**
 * Numbers of six bits; 16 columns have a signed scale of eight bits.
 *
 * <pre>
 * file:   u8[128] | u8[64] | sc i8[16] | d f16. Half n of 128 columns, i in 0..31, of the bytes l[128] and h[64]: column i has l[64n + i] & 15
 *         and bits 0-1 of h[32n + i]; column 32 + i has l[64n + 32 + i] & 15 and bits 2-3; column 64 + i has l[64n + i] >> 4 and bits
 *         4-5; column 96 + i has l[64n + 32 + i] >> 4 and bits 6-7
 * </pre>
 */
final class Q6KFormat extends SuperBlockFormat {
  private static final int FILE_HIGH = 128;
  private static final int FILE_SCALES = 192;
  private static final int FILE_D = 208;

  Q6KFormat() {
    super(TensorType.Q6_K, PackedNumbers.SIX_BITS, 16, 32, FILE_D, NO_MINIMA);
  }

  @Override
  int scale(MemorySegment source, long offset, int group) {
    return Bytes.signedByte(source, offset + FILE_SCALES + group);
  }

  @Override
  int number(MemorySegment source, long offset, int column) {
    int half = column / 128;
    int quarter = column % 128 / 32;
    int i = column % 32;
    int low = Bytes.unsignedByte(source, offset + half * 64 + quarter % 2 * 32 + i);
    int high = Bytes.unsignedByte(source, offset + FILE_HIGH + half * 32 + i);
    return (quarter < 2 ? low & 15 : low >>> 4) | (high >>> 2 * quarter & 3) << 4;
  }
}
