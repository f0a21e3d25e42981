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
  private final int[] partRows;
  private int rows;
  private int logits;
  private int parts;

  /** @param maxTokens tokens that fit */
  public Step(int maxTokens) {
    tokens = new int[maxTokens];
    positions = new int[maxTokens];
    caches = new KvCache[maxTokens];
    logitRows = new int[maxTokens];
    partRows = new int[maxTokens + 1];
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

  /** Cuts the rows into parts of at most {@code tokens} neighbouring tokens of one sequence. */
  void split(int tokens) {
    parts = 0;
    for (int row = 0; row < rows; row++) {
      boolean goesOn =
          row > 0 && caches[row] == caches[row - 1] && positions[row] == positions[row - 1] + 1 && row - partRows[parts - 1] < tokens;
      if (!goesOn) {
        partRows[parts++] = row;
      }
    }
    partRows[parts] = rows;
  }

  int parts() {
    return parts;
  }

  int firstRow(int part) {
    return partRows[part];
  }

  int tokens(int part) {
    return partRows[part + 1] - partRows[part];
  }

  /** Leaves the rows alone whose logits are wanted. */
  void keepLogitRows() {
    for (int i = 0; i < logits; i++) {
      tokens[i] = tokens[logitRows[i]];
      positions[i] = positions[logitRows[i]];
      caches[i] = caches[logitRows[i]];
      logitRows[i] = i;
    }
    rows = logits;
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
