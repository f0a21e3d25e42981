package dev.gemmaspark.engine.internal.kernel;

import dev.gemmaspark.engine.internal.tensor.DecodedPanel;
import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;

/** Memory that kernels write while they run. One for each thread, so that no step allocates. */
public final class KernelScratch {
  final DecodedPanel panel = new DecodedPanel();

  /** The products of one panel: [row of activations][row of the panel]. */
  public final float[] products;

  /** Attention scores by position, from the first block on; whole blocks. */
  final float[] scores;

  final float[] lanes = new float[Lanes.COUNT];

  /**
   * @param maxRows rows of activations in one product
   * @param maxContext positions that a query may see
   */
  public KernelScratch(int maxRows, int maxContext) {
    products = new float[maxRows * PackedMatrix.PANEL_ROWS];
    int blocks = Math.ceilDiv(maxContext, KvBlockLayout.POSITIONS) + 1;
    // whole groups of blocks: the vector kernels score four vectors at a time
    scores = new float[Math.ceilDiv(blocks, 4) * 4 * KvBlockLayout.POSITIONS];
  }
}
