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
   */
  PrefixBlock[] use(int[] prompt, int count, KvCache user) {
    PrefixBlock[] path = new PrefixBlock[count];
    PrefixBlock parent = root;
    for (int i = 0; i < count; i++) {
      IntBuffer tokens = IntBuffer.wrap(Arrays.copyOfRange(prompt, i * POSITIONS, (i + 1) * POSITIONS));
      PrefixBlock block = parent.children.get(tokens);
      if (block == null) {
        block = new PrefixBlock(parent, tokens, takeAllLayers(), user);
        parent.children.put(tokens, block);
      }
      unused.remove(block);
      block.users++;
      path[i] = block;
      parent = block;
    }
    return path;
  }

  private MemorySegment[] takeAllLayers() {
    MemorySegment[] blocks = new MemorySegment[pool.shape().layers()];
    for (int layer = 0; layer < blocks.length; layer++) {
      blocks[layer] = pool.take();
    }
    return blocks;
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
        if (block.ready) {
          unused.add(block);
        } else {
          remove(block);
        }
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
