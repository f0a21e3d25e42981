package dev.gemmaspark.engine.internal.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;

/** How keys and values are stored. */
public enum KvType {
  /** Single precision. */
  F32(4, Float.MAX_VALUE),
  /** Half precision: 11 bits, and numbers up to 65504. */
  F16(2, Math.nextDown(65520f)),
  /** The upper half of single precision: 8 bits. */
  BF16(2, Float.intBitsToFloat(0x7F7F7FFF));

  private final int bytes;
  private final float largest;

  KvType(int bytes, float largest) {
    this.bytes = bytes;
    this.largest = largest;
  }

  /** Bytes of a number. */
  public int bytes() {
    return bytes;
  }

  /** The largest number that can be kept; larger ones are not, nor is what is no number. */
  public float largest() {
    return largest;
  }

  /** As in settings: {@code f16}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Reads a number. */
  public float get(MemorySegment block, long offset) {
    return switch (this) {
      case F32 -> block.get(ValueLayout.JAVA_FLOAT, offset);
      case F16 -> half(block.get(ValueLayout.JAVA_SHORT, offset));
      case BF16 -> Float.intBitsToFloat(block.get(ValueLayout.JAVA_SHORT, offset) << 16);
    };
  }

  /** Writes a number, rounded to the nearest that there is. */
  public void put(MemorySegment block, long offset, float value) {
    switch (this) {
      case F32 -> block.set(ValueLayout.JAVA_FLOAT, offset, value);
      case F16 -> block.set(ValueLayout.JAVA_SHORT, offset, Float.floatToFloat16(value));
      case BF16 -> block.set(ValueLayout.JAVA_SHORT, offset, upperHalf(value));
    }
  }

  /**
   * What is stored of an infinity, or of no number, is read as a number from 65536 up: the vector kernels save the time to tell them apart.
   * Whoever stores numbers looks for those beyond {@link #largest}.
   */
  private static float half(short bits) {
    int magnitude = bits & 0x7FFF;
    return magnitude < 0x7C00
        ? Float.float16ToFloat(bits)
        : Float.intBitsToFloat((magnitude << 13) + 0x38000000 | (bits & 0x8000) << 16);
  }

  private static short upperHalf(float value) {
    int bits = Float.floatToRawIntBits(value);
    // to nearest, ties to even; what is no number stays none
    int rounded = Float.isNaN(value) ? bits | 0x400000 : bits + 0x7FFF + (bits >>> 16 & 1);
    return (short) (rounded >>> 16);
  }
}
