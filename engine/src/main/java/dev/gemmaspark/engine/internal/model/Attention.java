package dev.gemmaspark.engine.internal.model;

import dev.gemmaspark.engine.internal.cache.KvCache;
import dev.gemmaspark.engine.internal.kernel.AttentionShape;
import dev.gemmaspark.engine.internal.kernel.Kernels;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.weights.ModelConfig;
import dev.gemmaspark.engine.internal.weights.LayerWeights;

/**
 * Grouped-query attention of one layer: from the normalized residual stream, packed as the workspace's operand, to {@code delta}.
 * Local layers see a window, the others all positions.
 */
final class Attention {
  private final ModelConfig config;
  private final int layer;
  private final Kernels kernels;
  private final Workspace space;
  private final RotaryEmbedding rotary;
  private final AttentionShape shape;
  private final MatrixProduct queryKeyValue;
  private final MatrixProduct query;
  private final MatrixProduct keyValue;
  private final MatrixProduct output;
  private final WorkerPool.IndexedTask rotateAndStore = this::rotateAndStore;
  private final WorkerPool.IndexedTask rotateQueries = this::rotateQueries;
  private final WorkerPool.IndexedTask storeKeysAndValues = this::storeKeysAndValues;
  private final WorkerPool.IndexedTask attend = this::attend;
  private final WorkerPool.IndexedTask pack = this::pack;
  private Step step;

  Attention(
      ModelConfig config,
      int layer,
      LayerWeights<PackedMatrix> weights,
      Kernels kernels,
      Workspace space,
      RotaryEmbedding rotary,
      KvBlockLayout layout) {
    this.config = config;
    this.layer = layer;
    this.kernels = kernels;
    this.space = space;
    this.rotary = rotary;
    this.shape =
        new AttentionShape(
            layout,
            config.attentionHeads() / config.kvHeads(),
            queryWidth(),
            config.layer(layer).window(),
            config.attentionSoftcap());
    this.queryKeyValue =
        product(
            new PackedMatrix[] {weights.query(), weights.key(), weights.value()},
            new float[][] {space.query, space.key, space.value});
    this.query = product(new PackedMatrix[] {weights.query()}, new float[][] {space.query});
    this.keyValue =
        product(new PackedMatrix[] {weights.key(), weights.value()}, new float[][] {space.key, space.value});
    this.output = product(new PackedMatrix[] {weights.output()}, new float[][] {space.delta});
  }

  private MatrixProduct product(PackedMatrix[] matrices, float[][] outputs) {
    return new MatrixProduct(kernels, space.scratch, matrices, outputs);
  }

  void run(Step step, WorkerPool pool) {
    this.step = step;
    queryKeyValue.run(space.operand, pool);
    pool.run(step.rows(), rotateAndStore);
    attend(pool);
  }

  /** Keys and values alone, of all tokens: the first half of {@link #run} where queries are of few tokens. */
  void store(Step step, WorkerPool pool) {
    this.step = step;
    keyValue.run(space.operand, pool);
    pool.run(step.rows(), storeKeysAndValues);
  }

  /** The other half. */
  void query(Step step, WorkerPool pool) {
    this.step = step;
    query.run(space.operand, pool);
    pool.run(step.rows(), rotateQueries);
    attend(pool);
  }

  private void attend(WorkerPool pool) {
    step.split(shape.tokensTogether());
    pool.run(step.parts() * config.kvHeads(), attend);
    space.operand.shape(step.rows(), queryWidth());
    pool.run(space.operand.tiles(), pack);
    output.run(space.operand, pool);
  }

  private void rotateAndStore(int worker, int row) {
    rotateQueries(worker, row);
    storeKeysAndValues(worker, row);
  }

  private void rotateQueries(int worker, int row) {
    int headDim = config.headDim();
    int angle = rotary.angle(step.position(row));
    for (int head = 0; head < config.attentionHeads(); head++) {
      int at = row * queryWidth() + head * headDim;
      kernels.rotate(space.query, at, headDim, rotary.cosines, rotary.sines, angle, config.queryScale());
    }
  }

  private void storeKeysAndValues(int worker, int row) {
    int headDim = config.headDim();
    int angle = rotary.angle(step.position(row));
    int kv = row * kvWidth();
    for (int head = 0; head < config.kvHeads(); head++) {
      kernels.rotate(space.key, kv + head * headDim, headDim, rotary.cosines, rotary.sines, angle, 1f);
    }
    step.cache(row).put(layer, step.position(row), space.key, kv, space.value, kv);
  }

  private void attend(int worker, int index) {
    int part = index / config.kvHeads();
    int kvHead = index % config.kvHeads();
    int row = step.firstRow(part);
    KvCache cache = step.cache(row);
    kernels.attend(
        shape,
        space.query,
        row * queryWidth() + kvHead * shape.group() * config.headDim(),
        step.tokens(part),
        step.position(row),
        cache.blocks(layer),
        kvHead,
        space.attention,
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
