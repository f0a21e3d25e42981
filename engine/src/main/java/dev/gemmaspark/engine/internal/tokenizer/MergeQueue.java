package dev.gemmaspark.engine.internal.tokenizer;

import java.util.Arrays;

/**
 * Places where two neighbours may be merged, best first: by rank, then leftmost. Not thread-safe.
 *
 * <p>A priority queue in three parts, for a heap of millions misses the cache at every step. What is added waits, unsorted, until the
 * sorted run is used up; then it is sorted to be the next run. Only what comes before the end of the current run goes to a heap. A
 * long run of one character, in which each merge makes worse ones, so never touches the heap.
 */
final class MergeQueue {
  private long[] waiting = new long[64];
  private int waitingSize;

  private long[] run = {};
  private int runStart;
  private int runEnd;

  /** The last of the run: what is better goes to the heap. */
  private long runLast = -1;

  private long[] heap = new long[64];
  private int heapSize;

  void add(int rank, int position) {
    long entry = (long) rank << 32 | position;
    if (entry < runLast) {
      push(entry);
      return;
    }
    if (waitingSize == waiting.length) {
      waiting = Arrays.copyOf(waiting, waitingSize * 2);
    }
    waiting[waitingSize++] = entry;
  }

  boolean isEmpty() {
    return heapSize == 0 && runStart == runEnd && waitingSize == 0;
  }

  /** Takes out the best entry, of a queue that is not empty. */
  long poll() {
    if (heapSize == 0 && runStart == runEnd) {
      nextRun();
    }
    boolean fromRun = heapSize == 0 || runStart < runEnd && run[runStart] < heap[0];
    return fromRun ? run[runStart++] : pop();
  }

  static int rank(long entry) {
    return (int) (entry >>> 32);
  }

  static int position(long entry) {
    return (int) entry;
  }

  /** To be called when the queue is empty, before it is used for another word. */
  void reset() {
    runLast = -1;
  }

  private void nextRun() {
    long[] used = run;
    run = waiting;
    runStart = 0;
    runEnd = waitingSize;
    Arrays.sort(run, 0, runEnd);
    runLast = run[runEnd - 1];
    waiting = used.length == 0 ? new long[64] : used;
    waitingSize = 0;
  }

  private void push(long entry) {
    if (heapSize == heap.length) {
      heap = Arrays.copyOf(heap, heapSize * 2);
    }
    int child = heapSize++;
    while (child > 0) {
      int parent = (child - 1) >>> 1;
      if (heap[parent] <= entry) {
        break;
      }
      heap[child] = heap[parent];
      child = parent;
    }
    heap[child] = entry;
  }

  private long pop() {
    long best = heap[0];
    long last = heap[--heapSize];
    int parent = 0;
    while (true) {
      int child = 2 * parent + 1;
      if (child >= heapSize) {
        break;
      }
      if (child + 1 < heapSize && heap[child + 1] < heap[child]) {
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
}
