package dev.gemmaspark.engine.internal.cache;

import static dev.gemmaspark.engine.internal.tensor.KvBlockLayout.POSITIONS;

import java.lang.foreign.MemorySegment;
import java.nio.IntBuffer;
import java.util.Arrays;
import java.util.LinkedHashSet;

/**
 * The beginnings of prompts whose keys and values are known, or being computed. A beginning that no sequence uses any more is kept for
 * the next one, until the memory is needed. Not thread-safe: it belongs to the thread that runs the steps.
 */
final class PrefixTree {
  private final KvCachePool pool;
  private final PrefixBlock root = new PrefixBlock(null, null, null, null);

  /** Blocks without users, the longest unused first; a block always comes before its parent. */
  private final LinkedHashSet<PrefixBlock> unused = new LinkedHashSet<>();

  PrefixTree(KvCachePool pool) {
    this.pool = pool;
  }

  /**
   * Gives a sequence the blocks of its prompt; those that nobody has begun become its own to compute.
   *
   * @param count blocks
   * @throws dev.gemmaspark.engine.error.GemmaException if the machine has no memory for a new one; nothing is changed then
   */
  PrefixBlock[] use(int[] prompt, int count, KvCache user) {
    PrefixBlock[] path = new PrefixBlock[count];
    int used = 0;
    try {
      for (; used < count; used++) {
        path[used] = use(used == 0 ? root : path[used - 1], prompt, used, user);
      }
    } catch (Throwable e) {
      release(Arrays.copyOf(path, used), user);
      throw e;
    }
    return path;
  }

  private PrefixBlock use(PrefixBlock parent, int[] prompt, int index, KvCache user) {
    IntBuffer tokens = IntBuffer.wrap(Arrays.copyOfRange(prompt, index * POSITIONS, (index + 1) * POSITIONS));
    PrefixBlock block = parent.children.get(tokens);
    if (block == null) {
      block = new PrefixBlock(parent, tokens, pool.takeLayers(), user);
      parent.children.put(tokens, block);
    }
    unused.remove(block);
    if (block.users == 0) {
      pool.reserve(block.blocks.length);
    }
    block.users++;
    return block;
  }

  /** How many of a prompt's first blocks are in use, and so reserved. */
  int usedBlocks(int[] prompt, int count) {
    PrefixBlock block = root;
    for (int used = 0; used < count; used++) {
      block = block.children.get(IntBuffer.wrap(prompt, used * POSITIONS, POSITIONS));
      if (block == null || block.users == 0) {
        return used;
      }
    }
    return count;
  }

  /** A sequence has no need of its blocks any more. What it did not finish is free for another user to take over. */
  void release(PrefixBlock[] path, KvCache user) {
    for (int i = path.length - 1; i >= 0; i--) {
      PrefixBlock block = path[i];
      block.users--;
      if (block.owner == user) {
        block.owner = null;
      }
      if (block.users == 0) {
        if (block.ready && block.fault == null) {
          unused.add(block);
        } else {
          remove(block);
        }
        pool.release(block.blocks.length);
      }
    }
  }

  /** Blocks of the pool that are kept without a use. */
  long unusedBlocks() {
    return (long) unused.size() * pool.shape().layers();
  }

  /** Gives the blocks of the longest unused positions back. */
  void evict() {
    remove(unused.removeFirst());
  }

  private void remove(PrefixBlock block) {
    block.parent.children.remove(block.tokens);
    for (MemorySegment each : block.blocks) {
      pool.give(each);
    }
  }
}
