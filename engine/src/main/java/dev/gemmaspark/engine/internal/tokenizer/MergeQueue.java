package dev.gemmaspark.engine.internal.tokenizer;

import java.util.Arrays;

/** Places where two neighbours may be merged, best first: by rank, then leftmost. A binary heap of longs; not thread-safe. */
final class MergeQueue {
  private long[] heap = new long[64];
  private int size;

  void clear() {
    size = 0;
  }

  boolean isEmpty() {
    return size == 0;
  }

  void add(int rank, int position) {
    if (size == heap.length) {
      heap = Arrays.copyOf(heap, size * 2);
    }
    long key = (long) rank << 32 | position;
    int child = size++;
    while (child > 0) {
      int parent = (child - 1) >>> 1;
      if (heap[parent] <= key) {
        break;
      }
      heap[child] = heap[parent];
      child = parent;
    }
    heap[child] = key;
  }

  /** Takes the best place out; {@link #rank} and {@link #position} read it. */
  long poll() {
    long best = heap[0];
    long last = heap[--size];
    int parent = 0;
    while (true) {
      int child = 2 * parent + 1;
      if (child >= size) {
        break;
      }
      if (child + 1 < size && heap[child + 1] < heap[child]) {
        child++;
      }
      if (heap[child] >= last) {
        break;
      }
      heap[parent] = heap[child];
      parent = child;
    }
    heap[parent] = last;
    return best;
  }

  static int rank(long entry) {
    return (int) (entry >>> 32);
  }

  static int position(long entry) {
    return (int) entry;
  }
}
