package dev.gemmaspark.engine.internal.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Little-endian numbers at any alignment, as all model files have them. */
public final class Bytes {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Bytes() {}

  public static int unsignedByte(MemorySegment memory, long offset) {
    return memory.get(ValueLayout.JAVA_BYTE, offset) & 0xFF;
  }

  public static byte signedByte(MemorySegment memory, long offset) {
    return memory.get(ValueLayout.JAVA_BYTE, offset);
  }

  public static void putByte(MemorySegment memory, long offset, int value) {
    memory.set(ValueLayout.JAVA_BYTE, offset, (byte) value);
  }

  public static short bits16(MemorySegment memory, long offset) {
    return memory.get(SHORT, offset);
  }

  public static void putBits16(MemorySegment memory, long offset, short value) {
    memory.set(SHORT, offset, value);
  }

  public static float half(MemorySegment memory, long offset) {
    return Float.float16ToFloat(memory.get(SHORT, offset));
  }

  public static float float32(MemorySegment memory, long offset) {
    return memory.get(FLOAT, offset);
  }

  public static void putFloat32(MemorySegment memory, long offset, float value) {
    memory.set(FLOAT, offset, value);
  }

  /** Whether these bits are a finite number of IEEE half precision. */
  public static boolean isFiniteHalf(short bits) {
    return (bits & 0x7C00) != 0x7C00;
  }
}
