package dev.gemmaspark.engine.internal.scheduler;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Completes the futures of sequences that have ended, each on a virtual thread of its own: what callers hang on a future may be slow, and
 * may even close the engine, and neither may stop the thread that runs the steps. Safe for use by many threads.
 */
final class Deliveries {
  private final Set<Sequence> underWay = ConcurrentHashMap.newKeySet();

  void deliver(Sequence sequence) {
    try {
      underWay.add(sequence);
      Thread.ofVirtual().name("gemma-result").start(() -> complete(sequence));
    } catch (Throwable e) {
      // no memory for a thread; a future that never ends would be worse than a slow step
      complete(sequence);
    }
  }

  private void complete(Sequence sequence) {
    try {
      sequence.complete();
    } finally {
      underWay.remove(sequence);
    }
  }

  /** Waits until the futures of all that was handed in have ended; not for what callers have hung on them. */
  void await() {
    for (Sequence sequence : underWay) {
      sequence.result().handle((result, failure) -> result).join();
    }
  }
}
