package dev.gemmaspark.engine.internal.model;

import dev.gemmaspark.engine.internal.kernel.Kernels;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.weights.LayerWeights;

/**
 * {@code down (gelu(gate x) * (up x))} of one layer: from the normalized residual stream, packed as the workspace's operand, to
 * {@code delta}.
 */
final class FeedForward {
  private final int width;
  private final Kernels kernels;
  private final Workspace space;
  private final MatrixProduct gateUp;
  private final MatrixProduct down;
  private final WorkerPool.IndexedTask activate = this::activate;

  FeedForward(LayerWeights<PackedMatrix> weights, Kernels kernels, Workspace space) {
    this.width = weights.gate().rows();
    this.kernels = kernels;
    this.space = space;
    this.gateUp =
        new MatrixProduct(
            kernels,
            space.scratch,
            new PackedMatrix[] {weights.gate(), weights.up()},
            new float[][] {space.gate, space.up});
    this.down =
        new MatrixProduct(
            kernels, space.scratch, new PackedMatrix[] {weights.down()}, new float[][] {space.delta});
  }

  void run(Step step, WorkerPool pool) {
    gateUp.run(space.operand, pool);
    space.operand.shape(step.rows(), width);
    pool.run(space.operand.tiles(), activate);
    down.run(space.operand, pool);
  }

  private void activate(int worker, int tile) {
    int first = space.operand.firstRow(tile) * width;
    kernels.geGlu(space.gate, first, space.up, first, space.operand.tileRows(tile) * width);
    space.operand.pack(tile, space.gate, width);
  }
}
