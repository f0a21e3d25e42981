package dev.gemmaspark.engine.internal.model;

import dev.gemmaspark.engine.internal.kernel.Activations;
import dev.gemmaspark.engine.internal.kernel.KernelScratch;
import dev.gemmaspark.engine.internal.kernel.Kernels;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;

/**
 * Products of some matrices with the same activations, in one parallel phase: some panels at a time on all threads, each weight read
 * once for the whole batch.
 */
final class MatrixProduct implements WorkerPool.IndexedTask {
  /** Parts for each thread, at the least, so that one that ends late costs little. */
  private static final int PARTS_PER_THREAD = 8;

  private final Kernels kernels;
  private final KernelScratch[] scratch;
  private final PackedMatrix[] matrices;
  private final float[][] outputs;
  private final int panelsPerPart;
  private final int parts;
  private Activations x;

  /**
   * @param matrices with equal columns
   * @param outputs for each matrix, [row of the activations][row of the matrix]
   */
  MatrixProduct(Kernels kernels, KernelScratch[] scratch, PackedMatrix[] matrices, float[][] outputs) {
    this.kernels = kernels;
    this.scratch = scratch;
    this.matrices = matrices;
    this.outputs = outputs;
    int together = Kernels.MAX_PANELS;
    while (together > 1 && parts(matrices, together) < PARTS_PER_THREAD * scratch.length) {
      together /= 2;
    }
    panelsPerPart = together;
    parts = parts(matrices, together);
  }

  private static int parts(PackedMatrix[] matrices, int panelsPerPart) {
    int sum = 0;
    for (PackedMatrix matrix : matrices) {
      sum += Math.ceilDiv(matrix.panels(), panelsPerPart);
    }
    return sum;
  }

  void run(Activations x, WorkerPool pool) {
    this.x = x;
    pool.run(parts, this);
  }

  @Override
  public void run(int worker, int index) {
    int matrix = 0;
    int first = index * panelsPerPart;
    while (first >= matrices[matrix].panels()) {
      first -= Math.ceilDiv(matrices[matrix].panels(), panelsPerPart) * panelsPerPart;
      matrix++;
    }
    int panels = Math.min(panelsPerPart, matrices[matrix].panels() - first);
    kernels.multiplyPanels(matrices[matrix], first, panels, x, scratch[worker]);
    int width = matrices[matrix].rows();
    for (int i = 0; i < panels; i++) {
      int output = (first + i) * PackedMatrix.PANEL_ROWS;
      int count = Math.min(PackedMatrix.PANEL_ROWS, width - output);
      for (int row = 0; row < x.rows(); row++) {
        System.arraycopy(
            scratch[worker].products,
            (i * x.rows() + row) * PackedMatrix.PANEL_ROWS,
            outputs[matrix],
            row * width + output,
            count);
      }
    }
  }
}
