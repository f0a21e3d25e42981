package dev.gemmaspark.engine.internal.gguf;

import java.util.Locale;

/** Types of metadata values; the ordinal is the number that stands in the file. */
enum GgufValueType {
  UINT8(1),
  INT8(1),
  UINT16(2),
  INT16(2),
  UINT32(4),
  INT32(4),
  FLOAT32(4),
  BOOL(1),
  STRING(8),
  ARRAY(12),
  UINT64(8),
  INT64(8),
  FLOAT64(8);

  private static final GgufValueType[] TYPES = values();

  private final int leastBytes;

  GgufValueType(int leastBytes) {
    this.leastBytes = leastBytes;
  }

  /** Bytes of one value; of a string or an array, at the least. */
  int leastBytes() {
    return leastBytes;
  }

  static GgufValueType read(GgufCursor cursor, String what) {
    long at = cursor.position();
    int number = cursor.readInt("the type of " + what);
    if (number < 0 || number >= TYPES.length) {
      throw cursor.broken(at, String.format(Locale.ROOT, "%s has type %d; 0 to %d are known", what, number, TYPES.length - 1));
    }
    return TYPES[number];
  }
}
