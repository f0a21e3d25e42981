package dev.gemmaspark.engine.internal.cache;

import static dev.gemmaspark.engine.internal.tensor.KvBlockLayout.POSITIONS;

import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;
import java.util.List;

/**
 * What a model's sequences need of a cache.
 *
 * @param block layout of one layer's keys and values at some positions
 * @param windows by layer: positions that it sees, or 0 where it sees all
 */
public record KvCacheShape(KvBlockLayout block, List<Integer> windows) {
  public KvCacheShape {
    windows = List.copyOf(windows);
  }

  /** Decoder layers. */
  public int layers() {
    return windows.size();
  }

  /** Positions that a layer sees, or 0 where it sees all. */
  public int window(int layer) {
    return windows.get(layer);
  }

  /** Whether a layer forgets what left its window. */
  public boolean isLocal(int layer) {
    return window(layer) > 0;
  }

  /** Whether every layer sees all positions of a sequence of this length. */
  public boolean keepsAll(int length) {
    return windows.stream().allMatch(window -> window == 0 || length <= window);
  }

  /**
   * The most blocks that a sequence holds at any time.
   *
   * @param length positions it may reach
   * @param chunk most positions that one step adds
   */
  public long blocks(int length, int chunk) {
    long all = Math.ceilDiv(length, POSITIONS);
    long sum = 0;
    for (int window : windows) {
      // a chunk's first query sees a whole window behind it, which need not start with a block
      sum += window == 0 ? all : Math.min(all, Math.ceilDiv((long) window + chunk - 1, (long) POSITIONS) + 1);
    }
    return sum;
  }
}
