package dev.gemmaspark.engine.internal.gguf;

import dev.gemmaspark.engine.error.ModelFormatException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Locale;

/**
 * An array of metadata, still in the file: it was walked once, to its end, and is decoded when somebody wants it.
 *
 * @param file for messages
 * @param memory the file
 * @param key for messages
 * @param type of the elements; neither an array
 * @param count of the elements
 * @param offset of the first
 */
record GgufArray(
    Path file, MemorySegment memory, String key, GgufValueType type, int count, long offset) {
  /** The longest piece of a vocabulary, far above any. */
  private static final int LONGEST_STRING = 1 << 20;

  /** Reads the type and count, and skips the elements. */
  static GgufArray read(Path file, MemorySegment memory, String key, GgufCursor cursor) {
    long at = cursor.position();
    GgufValueType type = GgufValueType.read(cursor, "the elements of " + key);
    if (type == GgufValueType.ARRAY) {
      throw cursor.broken(at, key + " is an array of arrays, which nothing of Gemma needs");
    }
    long count = cursor.readCount(type.leastBytes(), "the number of elements of " + key);
    if (count > Integer.MAX_VALUE / 8) {
      throw cursor.broken(at, String.format(Locale.ROOT, "%s has %d elements; at most %d are allowed", key, count, Integer.MAX_VALUE / 8));
    }
    long offset = cursor.position();
    if (type == GgufValueType.STRING) {
      for (long i = 0; i < count; i++) {
        cursor.skipString(key);
      }
    } else {
      cursor.skip(count * type.leastBytes(), key);
    }
    return new GgufArray(file, memory, key, type, (int) count, offset);
  }

  String[] strings() {
    require(GgufValueType.STRING);
    GgufCursor cursor = new GgufCursor(file, memory, offset);
    String[] values = new String[count];
    for (int i = 0; i < count; i++) {
      values[i] = cursor.readString(LONGEST_STRING, key);
    }
    return values;
  }

  float[] floats() {
    require(GgufValueType.FLOAT32);
    GgufCursor cursor = new GgufCursor(file, memory, offset);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = Float.intBitsToFloat(cursor.readInt(key));
    }
    return values;
  }

  int[] ints() {
    if (type != GgufValueType.UINT32) {
      require(GgufValueType.INT32);
    }
    GgufCursor cursor = new GgufCursor(file, memory, offset);
    int[] values = new int[count];
    for (int i = 0; i < count; i++) {
      values[i] = cursor.readInt(key);
    }
    return values;
  }

  boolean[] booleans() {
    require(GgufValueType.BOOL);
    GgufCursor cursor = new GgufCursor(file, memory, offset);
    boolean[] values = new boolean[count];
    for (int i = 0; i < count; i++) {
      values[i] = cursor.readByte(key) != 0;
    }
    return values;
  }

  private void require(GgufValueType expected) {
    if (type != expected) {
      throw new ModelFormatException(file, offset, String.format(Locale.ROOT, "%s is an array of %s; %s expected", key, type, expected));
    }
  }
}
