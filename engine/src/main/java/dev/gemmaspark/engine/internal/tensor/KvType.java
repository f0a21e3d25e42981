package dev.gemmaspark.engine.internal.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;

/** How keys and values are stored. */
public enum KvType {
  /** Single precision. */
  F32(4),
  /** Half precision: 11 bits, and numbers up to 65504. */
  F16(2),
  /** The upper half of single precision: 8 bits. */
  BF16(2);

  private final int bytes;

  KvType(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes of a number. */
  public int bytes() {
    return bytes;
  }

  /** As in settings: {@code f16}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Reads a number. */
  public float get(MemorySegment block, long offset) {
    return switch (this) {
      case F32 -> block.get(ValueLayout.JAVA_FLOAT, offset);
      case F16 -> Float.float16ToFloat(block.get(ValueLayout.JAVA_SHORT, offset));
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

  private static short upperHalf(float value) {
    int bits = Float.floatToRawIntBits(value);
    // to nearest, ties to even; what is no number stays none
    int rounded = Float.isNaN(value) ? bits | 0x400000 : bits + 0x7FFF + (bits >>> 16 & 1);
    return (short) (rounded >>> 16);
  }
}
