package dev.gemmaspark.engine.internal.tokenizer;

import java.util.Arrays;

/** Token ids in the making. Not thread-safe. */
final class TokenBuffer {
  private int[] ids = new int[32];
  private int size;

  void add(int id) {
    if (size == ids.length) {
      ids = Arrays.copyOf(ids, size + (size >> 1));
    }
    ids[size++] = id;
  }

  void add(int[] more) {
    if (ids.length - size < more.length) {
      ids = Arrays.copyOf(ids, Math.max(size + more.length, size + (size >> 1)));
    }
    System.arraycopy(more, 0, ids, size, more.length);
    size += more.length;
  }

  int size() {
    return size;
  }

  /** Whether the last id is this one. */
  boolean endsWith(int id) {
    return size > 0 && ids[size - 1] == id;
  }

  int[] from(int start) {
    return Arrays.copyOfRange(ids, start, size);
  }

  int[] toArray() {
    return Arrays.copyOf(ids, size);
  }
}
