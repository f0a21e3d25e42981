package dev.gemmaspark.engine.internal.cache;

import static dev.gemmaspark.engine.internal.tensor.KvBlockLayout.POSITIONS;

import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;

/**
 * What a model's sequences need of a cache.
 *
 * @param block layout of one layer's keys and values at some positions
 * @param layers decoder layers; the even ones are local where there is a window
 * @param slidingWindow positions that a local layer sees, or 0 where all are global
 */
public record KvCacheShape(KvBlockLayout block, int layers, int slidingWindow) {

  /** Whether a layer forgets what left the window. */
  public boolean isLocal(int layer) {
    return slidingWindow > 0 && layer % 2 == 0;
  }

  /**
   * The most blocks that a sequence holds at any time.
   *
   * @param length positions it may reach
   * @param chunk most positions that one step adds
   */
  public long blocks(int length, int chunk) {
    long all = Math.ceilDiv(length, POSITIONS);
    if (slidingWindow == 0) {
      return all * layers;
    }
    // a chunk's first query sees a whole window behind it, which need not start with a block
    long window = Math.min(all, Math.ceilDiv(slidingWindow + chunk - 1, POSITIONS) + 1);
    long local = (layers + 1) / 2;
    return local * window + (layers - local) * all;
  }
}
