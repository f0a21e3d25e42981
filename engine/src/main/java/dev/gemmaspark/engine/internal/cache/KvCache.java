package dev.gemmaspark.engine.internal.cache;

import static dev.gemmaspark.engine.internal.tensor.KvBlockLayout.POSITIONS;

import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;
import java.lang.foreign.MemorySegment;

/**
 * Keys and values of one sequence. A layer's blocks stand in a table by position; those of a local layer go back to the pool when
 * they have left the window of every query to come.
 *
 * <p>{@link #extend} and {@link #close} belong to the thread that runs the steps; different threads may {@link #put} different
 * positions of a layer, and read what was put before the last barrier.
 */
public final class KvCache implements AutoCloseable {
  private final KvCachePool pool;
  private final KvBlockLayout layout;
  private final MemorySegment[][] tables;
  private final int[] firstBlocks;
  private final long reservedBlocks;
  private int length;
  private int heldBlocks;

  KvCache(KvCachePool pool, int maxLength, long reservedBlocks) {
    this.pool = pool;
    this.layout = pool.shape().block();
    this.tables = new MemorySegment[pool.shape().layers()][Math.ceilDiv(maxLength, POSITIONS)];
    this.firstBlocks = new int[tables.length];
    this.reservedBlocks = reservedBlocks;
  }

  /** Positions that have keys and values, or will have when the current step is done. */
  public int length() {
    return length;
  }

  /** Makes room for the next {@code positions} positions; blocks that none of their queries sees go back. */
  public void extend(int positions) {
    int window = pool.shape().slidingWindow();
    for (int layer = 0; layer < tables.length; layer++) {
      if (pool.shape().isLocal(layer)) {
        giveBack(layer, Math.max(0, length - window + 1) / POSITIONS);
      }
    }
    int blocks = Math.ceilDiv(length + positions, POSITIONS);
    for (; heldBlocks < blocks; heldBlocks++) {
      for (MemorySegment[] table : tables) {
        table[heldBlocks] = pool.take();
      }
    }
    length += positions;
  }

  private void giveBack(int layer, int endBlock) {
    for (; firstBlocks[layer] < endBlock; firstBlocks[layer]++) {
      pool.give(tables[layer][firstBlocks[layer]]);
      tables[layer][firstBlocks[layer]] = null;
    }
  }

  /** The blocks of a layer, by position / {@link KvBlockLayout#POSITIONS}. */
  public MemorySegment[] blocks(int layer) {
    return tables[layer];
  }

  /**
   * Stores a position's keys and values.
   *
   * @param keys KV heads x head dim, from {@code keysOffset} on
   * @param values as {@code keys}
   */
  public void put(int layer, int position, float[] keys, int keysOffset, float[] values, int valuesOffset) {
    MemorySegment block = tables[layer][position / POSITIONS];
    int headDim = layout.headDim();
    for (int head = 0; head < layout.kvHeads(); head++) {
      int from = head * headDim;
      for (int d = 0; d < headDim; d++) {
        layout.type().put(block, layout.key(head, position, d), keys[keysOffset + from + d]);
      }
      for (int d = 0; d < headDim; d++) {
        layout.type().put(block, layout.value(head, position, d), values[valuesOffset + from + d]);
      }
    }
  }

  /** Gives all blocks and the reservation back. */
  @Override
  public void close() {
    for (int layer = 0; layer < tables.length; layer++) {
      giveBack(layer, heldBlocks);
    }
    pool.release(reservedBlocks);
  }
}
