package dev.gemmaspark.engine.internal.model;

import dev.gemmaspark.engine.internal.cache.KvCache;
import dev.gemmaspark.engine.internal.kernel.Kernels;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.weights.ModelConfig;
import dev.gemmaspark.engine.internal.weights.PackedLayer;

/**
 * Grouped-query attention of one layer: from the normalized residual stream, packed as the workspace's operand, to {@code delta}.
 * Even layers see a window, odd ones all positions.
 */
final class Attention {
  private final ModelConfig config;
  private final int layer;
  private final Kernels kernels;
  private final Workspace space;
  private final RotaryEmbedding rotary;
  private final KvBlockLayout layout;
  private final MatrixProduct queryKeyValue;
  private final MatrixProduct output;
  private final WorkerPool.IndexedTask rotateAndStore = this::rotateAndStore;
  private final WorkerPool.IndexedTask attend = this::attend;
  private final WorkerPool.IndexedTask pack = this::pack;
  private Step step;

  Attention(
      ModelConfig config, int layer, PackedLayer weights, Kernels kernels, Workspace space, RotaryEmbedding rotary) {
    this.config = config;
    this.layer = layer;
    this.kernels = kernels;
    this.space = space;
    this.rotary = rotary;
    this.layout = new KvBlockLayout(config.kvHeads(), config.headDim());
    this.queryKeyValue =
        new MatrixProduct(
            kernels,
            space.scratch,
            new PackedMatrix[] {weights.query(), weights.key(), weights.value()},
            new float[][] {space.query, space.key, space.value});
    this.output =
        new MatrixProduct(
            kernels, space.scratch, new PackedMatrix[] {weights.output()}, new float[][] {space.delta});
  }

  void run(Step step, WorkerPool pool) {
    this.step = step;
    queryKeyValue.run(space.operand, pool);
    pool.run(step.rows(), rotateAndStore);
    pool.run(step.rows() * config.attentionHeads(), attend);
    space.operand.shape(step.rows(), queryWidth());
    pool.run(space.operand.tiles(), pack);
    output.run(space.operand, pool);
  }

  private void rotateAndStore(int worker, int row) {
    int headDim = config.headDim();
    int angle = rotary.angle(step.position(row));
    for (int head = 0; head < config.attentionHeads(); head++) {
      int at = row * queryWidth() + head * headDim;
      kernels.rotate(space.query, at, headDim, rotary.cosines, rotary.sines, angle, config.queryScale());
    }
    int kv = row * kvWidth();
    for (int head = 0; head < config.kvHeads(); head++) {
      kernels.rotate(space.key, kv + head * headDim, headDim, rotary.cosines, rotary.sines, angle, 1f);
    }
    step.cache(row).put(layer, step.position(row), space.key, kv, space.value, kv);
  }

  private void attend(int worker, int index) {
    int row = index / config.attentionHeads();
    int head = index % config.attentionHeads();
    int kvHead = head / (config.attentionHeads() / config.kvHeads());
    int end = step.position(row) + 1;
    int start = config.isLocal(layer) ? Math.max(0, end - config.slidingWindow()) : 0;
    int at = row * queryWidth() + head * config.headDim();
    KvCache cache = step.cache(row);
    kernels.attend(
        space.query,
        at,
        cache.blocks(layer),
        layout,
        kvHead,
        start,
        end,
        config.attentionSoftcap(),
        space.attention,
        at,
        space.scratch[worker]);
  }

  private void pack(int worker, int tile) {
    space.operand.pack(tile, space.attention, queryWidth());
  }

  private int queryWidth() {
    return config.attentionHeads() * config.headDim();
  }

  private int kvWidth() {
    return config.kvHeads() * config.headDim();
  }
}
