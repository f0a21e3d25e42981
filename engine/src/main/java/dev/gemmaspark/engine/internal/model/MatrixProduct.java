package dev.gemmaspark.engine.internal.model;

import dev.gemmaspark.engine.internal.kernel.Activations;
import dev.gemmaspark.engine.internal.kernel.KernelScratch;
import dev.gemmaspark.engine.internal.kernel.Kernels;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;

/**
 * Products of some matrices with the same activations, in one parallel phase: panel by panel on all threads, each weight read once
 * for the whole batch.
 */
final class MatrixProduct implements WorkerPool.IndexedTask {
  private final Kernels kernels;
  private final KernelScratch[] scratch;
  private final PackedMatrix[] matrices;
  private final float[][] outputs;
  private final int panels;
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
    int sum = 0;
    for (PackedMatrix matrix : matrices) {
      sum += matrix.panels();
    }
    panels = sum;
  }

  void run(Activations x, WorkerPool pool) {
    this.x = x;
    pool.run(panels, this);
  }

  @Override
  public void run(int worker, int index) {
    int matrix = 0;
    int panel = index;
    while (panel >= matrices[matrix].panels()) {
      panel -= matrices[matrix].panels();
      matrix++;
    }
    kernels.multiplyPanel(matrices[matrix], panel, x, scratch[worker]);
    int width = matrices[matrix].rows();
    int first = panel * PackedMatrix.PANEL_ROWS;
    int count = Math.min(PackedMatrix.PANEL_ROWS, width - first);
    for (int row = 0; row < x.rows(); row++) {
      System.arraycopy(
          scratch[worker].products, row * PackedMatrix.PANEL_ROWS, outputs[matrix], row * width + first, count);
    }
  }
}
