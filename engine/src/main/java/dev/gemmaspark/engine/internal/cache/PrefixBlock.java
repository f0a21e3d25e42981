package dev.gemmaspark.engine.internal.cache;

import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;
import java.lang.foreign.MemorySegment;
import java.nio.IntBuffer;
import java.util.HashMap;
import java.util.Map;

/**
 * Keys and values of all layers at {@link KvBlockLayout#POSITIONS} positions of a prompt, shared by all sequences whose prompts are the same
 * up to there. One sequence, the owner, computes it; the others wait until it is ready. Nobody writes to it after that.
 */
final class PrefixBlock {
  final PrefixBlock parent;
  final IntBuffer tokens;

  /** By layer. */
  final MemorySegment[] blocks;

  /** By the tokens that follow. */
  final Map<IntBuffer, PrefixBlock> children = new HashMap<>();

  /** Who is to compute it; null once whoever was is gone. */
  KvCache owner;

  boolean ready;

  /** What is wrong with it, where something is: nobody may use it then. */
  KvFault fault;

  /** Open sequences that have it. */
  int users;

  PrefixBlock(PrefixBlock parent, IntBuffer tokens, MemorySegment[] blocks, KvCache owner) {
    this.parent = parent;
    this.tokens = tokens;
    this.blocks = blocks;
    this.owner = owner;
  }
}
