package dev.gemmaspark.engine.internal.cache;

import static dev.gemmaspark.engine.internal.tensor.KvBlockLayout.POSITIONS;

import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

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
  private final PrefixBlock[] prefix;
  private int length;
  private int heldBlocks;
  private KvFault fault;

  /**
   * @param reservedBlocks that are its own alone
   * @param sharedBlocks of each layer, at the beginning of the prompt, that other sequences may use
   */
  KvCache(KvCachePool pool, int maxLength, long reservedBlocks, int[] prompt, int sharedBlocks) {
    this.pool = pool;
    this.layout = pool.shape().block();
    this.tables = new MemorySegment[pool.shape().layers()][Math.ceilDiv(maxLength, POSITIONS)];
    this.firstBlocks = new int[tables.length];
    this.reservedBlocks = reservedBlocks;
    this.prefix = pool.prefixes().use(prompt, sharedBlocks, this);
    for (heldBlocks = 0; heldBlocks < prefix.length; heldBlocks++) {
      for (int layer = 0; layer < tables.length; layer++) {
        tables[layer][heldBlocks] = prefix[heldBlocks].blocks[layer];
      }
    }
    computable();
  }

  /**
   * Positions that have keys and values, or will have when the current step is done; more than none from the beginning where another
   * sequence has computed the same.
   */
  public int length() {
    return length;
  }

  /**
   * How many positions from {@link #length} on are this sequence's to compute; 0 where it has to wait for another sequence's. What another
   * one has computed in the meantime is added to the length; what another one gave up becomes this one's, from the start of its block.
   */
  public int computable() {
    int known = length / POSITIONS;
    while (known < prefix.length && prefix[known].ready) {
      known++;
    }
    length = Math.max(length, known * POSITIONS);
    if (known >= prefix.length) {
      return Integer.MAX_VALUE;
    }
    if (prefix[known].owner == null) {
      prefix[known].owner = this;
      length = known * POSITIONS;
    }
    int end = known;
    while (end < prefix.length && (prefix[end].owner == this || prefix[end].owner == null)) {
      prefix[end].owner = this;
      end++;
    }
    return end == prefix.length ? Integer.MAX_VALUE : end * POSITIONS - length;
  }

  /**
   * Makes room for the next {@code positions} positions; blocks that none of their queries sees go back.
   *
   * @throws dev.gemmaspark.engine.error.GemmaException if the machine has no memory for them; the length is as it was then
   */
  public void extend(int positions) {
    for (int layer = 0; layer < tables.length; layer++) {
      if (pool.shape().isLocal(layer)) {
        giveBack(layer, Math.max(0, length - pool.shape().window(layer) + 1) / POSITIONS);
      }
    }
    int blocks = Math.ceilDiv(length + positions, POSITIONS);
    for (; heldBlocks < blocks; heldBlocks++) {
      MemorySegment[] taken = pool.takeLayers();
      for (int layer = 0; layer < tables.length; layer++) {
        tables[layer][heldBlocks] = taken[layer];
      }
    }
    for (int i = length / POSITIONS; i < prefix.length && (i + 1) * POSITIONS <= length + positions; i++) {
      prefix[i].ready = true;
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
    float largest = 0;
    for (int head = 0; head < layout.kvHeads(); head++) {
      int from = head * headDim;
      for (int d = 0; d < headDim; d++) {
        float key = keys[keysOffset + from + d];
        layout.type().put(block, layout.key(head, position, d), key);
        largest = Math.max(largest, Math.abs(key));
      }
      for (int d = 0; d < headDim; d++) {
        float value = values[valuesOffset + from + d];
        layout.type().put(block, layout.value(head, position, d), value);
        largest = Math.max(largest, Math.abs(value));
      }
    }
    // not the same as greater: NaN is neither
    if (!(largest <= layout.type().largest())) {
      found(new KvFault(layer, largest), position);
    }
  }

  /** Several threads may find one; whichever is kept, it is of the first layer, for layers are computed one after the other. */
  private void found(KvFault found, int position) {
    int index = position / POSITIONS;
    if (index >= prefix.length) {
      fault = fault == null ? found : fault;
    } else if (prefix[index].fault == null) {
      prefix[index].fault = found;
    }
  }

  /** What is wrong with the keys and values so far, its own or shared ones; belongs to the thread that runs the steps. */
  public Optional<KvFault> fault() {
    KvFault first = fault;
    for (PrefixBlock block : prefix) {
      if (block.fault != null && (first == null || block.fault.layer() < first.layer())) {
        first = block.fault;
      }
    }
    return Optional.ofNullable(first);
  }

  /** Gives all blocks and the reservation back. */
  @Override
  public void close() {
    for (int layer = 0; layer < tables.length; layer++) {
      firstBlocks[layer] = Math.max(firstBlocks[layer], prefix.length);
      giveBack(layer, heldBlocks);
    }
    pool.prefixes().release(prefix, this);
    pool.release(reservedBlocks);
  }
}
