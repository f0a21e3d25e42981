package dev.gemmaspark.engine.internal.model;

import dev.gemmaspark.engine.internal.cache.KvCache;

/**
 * The tokens of one forward pass: of several sequences, prompt chunks and single tokens together. Refilled for every pass;
 * belongs to the thread that runs the steps.
 */
public final class Step {
  private final int[] tokens;
  private final int[] positions;
  private final KvCache[] caches;
  private final int[] logitRows;
  private int rows;
  private int logits;

  /** @param maxTokens tokens that fit */
  public Step(int maxTokens) {
    tokens = new int[maxTokens];
    positions = new int[maxTokens];
    caches = new KvCache[maxTokens];
    logitRows = new int[maxTokens];
  }

  /** Starts anew. */
  public void clear() {
    rows = 0;
    logits = 0;
  }

  /** Tokens that still fit. */
  public int room() {
    return tokens.length - rows;
  }

  /** Tokens in this step. */
  public int rows() {
    return rows;
  }

  /** Positions whose logits are wanted. */
  public int logits() {
    return logits;
  }

  /**
   * Adds the next token of a sequence; its place in the cache must have been made.
   *
   * @param token its id
   * @param position from 0
   * @param cache the sequence's
   */
  public void add(int token, int position, KvCache cache) {
    tokens[rows] = token;
    positions[rows] = position;
    caches[rows] = cache;
    rows++;
  }

  /**
   * Asks for the logits after the token that was added last.
   *
   * @return which row of the logits it will be
   */
  public int wantLogits() {
    logitRows[logits] = rows - 1;
    return logits++;
  }

  int token(int row) {
    return tokens[row];
  }

  int position(int row) {
    return positions[row];
  }

  KvCache cache(int row) {
    return caches[row];
  }

  int logitRow(int index) {
    return logitRows[index];
  }
}
