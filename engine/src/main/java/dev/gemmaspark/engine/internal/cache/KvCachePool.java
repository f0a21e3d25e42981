package dev.gemmaspark.engine.internal.cache;

import static dev.gemmaspark.engine.internal.tensor.KvBlockLayout.POSITIONS;

import dev.gemmaspark.engine.error.GemmaException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;

/**
 * The memory of all sequences' keys and values: blocks of one size, outside the heap, up to a budget. Memory is taken from the
 * machine in slabs when it is first needed, and given back when the pool is closed; its caches must not be used after that.
 *
 * <p>A sequence reserves all blocks that it can ever hold when it is admitted, so no running sequence ever finds the budget used up. The
 * machine may refuse memory all the same: what fails then changes nothing. Blocks of equal prompt beginnings are shared, and reserved
 * once; what is kept of them for sequences to come takes at most a quarter of the budget, and gives way to running sequences. Not
 * thread-safe: it belongs to the thread that runs the steps.
 */
public final class KvCachePool implements AutoCloseable {
  private static final long SLAB_BYTES = 32L << 20;
  private static final int MOST_KEPT_DIVISOR = 4;

  private final KvCacheShape shape;
  private final long budgetBlocks;
  private final long slabBlocks;
  private final Arena memory;
  private final Deque<MemorySegment> free = new ArrayDeque<>();
  private final PrefixTree prefixes = new PrefixTree(this);
  private long allocatedBlocks;
  private long reservedBlocks;

  /**
   * @param shape of the model's caches
   * @param budgetBytes the most memory that blocks may take
   */
  public KvCachePool(KvCacheShape shape, long budgetBytes) {
    this(shape, budgetBytes, SLAB_BYTES, DirectMemory.arena());
  }

  /**
   * With memory from somewhere else.
   *
   * @param slabBytes how much of it is taken at a time, or one block where that is larger
   * @param memory closed with the pool
   */
  public KvCachePool(KvCacheShape shape, long budgetBytes, long slabBytes, Arena memory) {
    this.shape = shape;
    this.budgetBlocks = budgetBytes / shape.block().blockBytes();
    this.slabBlocks = Math.max(1, slabBytes / shape.block().blockBytes());
    this.memory = memory;
  }

  public KvCacheShape shape() {
    return shape;
  }

  /** The budget, in whole blocks. */
  public long budgetBytes() {
    return budgetBlocks * shape.block().blockBytes();
  }

  /** What the running sequences have reserved. */
  public long reservedBytes() {
    return reservedBlocks * shape.block().blockBytes();
  }

  /** Whether a sequence fits the budget when no other one runs. */
  public boolean fitsAlone(int length, int chunk) {
    return shape.blocks(length, chunk) <= budgetBlocks;
  }

  /**
   * Whether a sequence fits now.
   *
   * @param prompt as in {@link #open(int, int, int[])}
   */
  public boolean fits(int length, int chunk, int[] prompt) {
    long known = prefixes.usedBlocks(prompt, sharedBlocks(length, prompt));
    return shape.blocks(length, chunk) - known * shape.layers() <= budgetBlocks - reservedBlocks;
  }

  /**
   * Makes room for a sequence that shares nothing.
   *
   * @param length positions it may reach
   * @param chunk most positions that one step adds
   */
  public KvCache open(int length, int chunk) {
    return open(length, chunk, new int[0]);
  }

  /**
   * Makes room for a sequence, and gives it what is known of its prompt: see {@link KvCache#length}. Sequences that may outgrow the sliding
   * window do not share, because they give blocks back that others would still hold.
   *
   * @param prompt the sequence's first tokens
   * @throws GemmaException if the machine has no memory for it
   */
  public KvCache open(int length, int chunk, int[] prompt) {
    if (!fits(length, chunk, prompt)) {
      throw new IllegalStateException("no room for a sequence of " + length + " positions");
    }
    int shared = sharedBlocks(length, prompt);
    long own = shape.blocks(length, chunk) - (long) shared * shape.layers();
    reserve(own);
    try {
      return new KvCache(this, length, own, prompt, shared);
    } catch (Throwable e) {
      release(own);
      throw e;
    }
  }

  /** How many blocks of each layer a sequence may have in common with others. */
  private int sharedBlocks(int length, int[] prompt) {
    boolean shares = shape.keepsAll(length);
    // the logits after the last token of the prompt have to be computed
    return shares ? Math.max(0, prompt.length - 1) / POSITIONS : 0;
  }

  /** Drops what is kept of prompts, because it may be wrong: a step failed halfway. */
  public void forget() {
    while (prefixes.unusedBlocks() > 0) {
      prefixes.evict();
    }
  }

  PrefixTree prefixes() {
    return prefixes;
  }

  void reserve(long blocks) {
    reservedBlocks += blocks;
  }

  void release(long blocks) {
    reservedBlocks -= blocks;
    while (prefixes.unusedBlocks() > budgetBlocks / MOST_KEPT_DIVISOR) {
      prefixes.evict();
    }
  }

  /**
   * A block for each layer.
   *
   * @throws GemmaException if the machine has no memory for all of them; none is taken then
   */
  MemorySegment[] takeLayers() {
    MemorySegment[] blocks = new MemorySegment[shape.layers()];
    int taken = 0;
    try {
      for (; taken < blocks.length; taken++) {
        blocks[taken] = take();
      }
    } catch (Throwable e) {
      while (taken > 0) {
        give(blocks[--taken]);
      }
      throw e;
    }
    return blocks;
  }

  private MemorySegment take() {
    if (free.isEmpty() && allocatedBlocks == budgetBlocks && prefixes.unusedBlocks() > 0) {
      prefixes.evict();
    }
    if (free.isEmpty()) {
      allocateSlab();
    }
    return free.pop();
  }

  void give(MemorySegment block) {
    free.push(block);
  }

  private void allocateSlab() {
    long blockBytes = shape.block().blockBytes();
    long blocks = Math.min(slabBlocks, budgetBlocks - allocatedBlocks);
    if (blocks <= 0) {
      throw new IllegalStateException("more blocks taken than reserved");
    }
    MemorySegment slab = slab(blocks * blockBytes);
    for (long i = 0; i < blocks; i++) {
      free.push(slab.asSlice(i * blockBytes, blockBytes));
    }
    allocatedBlocks += blocks;
  }

  /** An error that ends requests, and not the process: only memory outside the heap is wanting. */
  private MemorySegment slab(long bytes) {
    try {
      return memory.allocate(bytes, 64);
    } catch (OutOfMemoryError e) {
      GemmaException failure =
          new GemmaException(
              String.format(
                  Locale.ROOT, "The KV cache cannot have %d MiB more outside the heap (%s); lower kvCacheMemory, or raise -XX:MaxDirectMemorySize",
                  bytes >> 20, e.getMessage()));
      failure.addSuppressed(e);
      throw failure;
    }
  }

  /** Gives all memory back to the machine. */
  @Override
  public void close() {
    memory.close();
  }
}
