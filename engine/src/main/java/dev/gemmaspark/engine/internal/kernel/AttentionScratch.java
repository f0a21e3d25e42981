package dev.gemmaspark.engine.internal.kernel;

import dev.gemmaspark.engine.internal.tensor.PackedMatrix;

/** Memory that attention writes while it runs: for {@code shape.rowsTogether()} rows of queries. */
public final class AttentionScratch {
  /** Queries, one after the other, and later outputs: [64 elements of the head][row][element]. */
  final float[] rows;

  final Activations queries;

  /** Scores, and later weights: [64 positions][row][position]. */
  final float[] scores;

  final Activations weights;

  /** Sums of the weights of a row. */
  final float[] totals;

  /**
   * @param shape of the attention
   * @param maxContext positions that a query may see
   */
  public AttentionScratch(AttentionShape shape, int maxContext) {
    int count = shape.rowsTogether();
    int width = panels(shape.layout().headDim()) * PackedMatrix.PANEL_ROWS;
    // a window need not start with a panel
    int positions = (panels(maxContext) + 1) * PackedMatrix.PANEL_ROWS;
    rows = new float[count * width + Activations.SLACK];
    queries = new Activations(count, width);
    scores = new float[count * positions + Activations.SLACK];
    weights = new Activations(count, positions);
    totals = new float[count];
  }

  private static int panels(int rows) {
    return PackedMatrix.panels(rows);
  }
}
