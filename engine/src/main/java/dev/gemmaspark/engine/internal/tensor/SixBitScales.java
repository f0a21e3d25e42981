package dev.gemmaspark.engine.internal.tensor;

import java.lang.foreign.MemorySegment;

/**
 * The twelve bytes by which Q4_K and Q5_K keep a scale and a minimum of six bits for each 32 columns of a super-block: slices 0 to 3 have
 * theirs in one byte, the others in two.
 */
final class SixBitScales {
  static final int BYTES = 12;

  private SixBitScales() {}

  static int scale(MemorySegment source, long offset, int slice) {
    return slice < 4
        ? Bytes.unsignedByte(source, offset + slice) & 63
        : Bytes.unsignedByte(source, offset + slice + 4) & 15
            | Bytes.unsignedByte(source, offset + slice - 4) >>> 6 << 4;
  }

  static int minimum(MemorySegment source, long offset, int slice) {
    return slice < 4
        ? Bytes.unsignedByte(source, offset + slice + 4) & 63
        : Bytes.unsignedByte(source, offset + slice + 4) >>> 4
            | Bytes.unsignedByte(source, offset + slice) >>> 6 << 4;
  }
}
