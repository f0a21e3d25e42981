package dev.gemmaspark.engine.internal.kernel;

import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;

/**
 * What is the same for all attention of a layer.
 *
 * @param layout of keys and values
 * @param group query heads that share a head of keys and values; they stand side by side
 * @param tokenStride floats from a token's queries to the next one's
 * @param window positions that a query sees, its own the last; 0 for all
 * @param softcap of the scores, or 0 for none
 */
public record AttentionShape(KvBlockLayout layout, int group, int tokenStride, int window, float softcap) {
  /** Query rows that share one decoding of keys and values, where there are as many. */
  private static final int ROWS = 48;

  /** Neighbouring tokens of a sequence that attend together at the most. */
  public int tokensTogether() {
    return Math.max(1, ROWS / group);
  }

  /** Rows of queries that attend together at the most. */
  public int rowsTogether() {
    return tokensTogether() * group;
  }

  /** The first position that a query at {@code position} sees. */
  int start(int position) {
    return window == 0 ? 0 : Math.max(0, position + 1 - window);
  }

  /** Where the query of a row is, and where its output goes. */
  int offset(int row) {
    return row / group * tokenStride + row % group * layout.headDim();
  }
}
