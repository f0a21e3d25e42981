package dev.gemmaspark.engine.internal.model;

import dev.gemmaspark.engine.internal.kernel.Activations;
import dev.gemmaspark.engine.internal.kernel.Kernels;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.weights.LayerWeights;
import dev.gemmaspark.engine.internal.weights.ModelConfig;
import java.util.Optional;

/**
 * One decoder layer on the residual stream {@code x}:
 *
 * <pre>
 * x += postAttentionNorm(attention(attentionNorm(x)))
 * x += postFeedForwardNorm(feedForward(feedForwardNorm(x)))
 * </pre>
 *
 * Gemma 1 has no post norms.
 */
final class DecoderLayer {
  private final int hiddenSize;
  private final float epsilon;
  private final LayerWeights<PackedMatrix> norms;
  private final Kernels kernels;
  private final Workspace space;
  private final Attention attention;
  private final FeedForward feedForward;
  private final WorkerPool.IndexedTask beforeAttention = this::beforeAttention;
  private final WorkerPool.IndexedTask betweenBlocks = this::betweenBlocks;
  private final WorkerPool.IndexedTask afterFeedForward = this::afterFeedForward;

  DecoderLayer(
      ModelConfig config,
      int layer,
      LayerWeights<PackedMatrix> weights,
      Kernels kernels,
      Workspace space,
      RotaryEmbedding rotary,
      KvBlockLayout layout) {
    this.hiddenSize = config.hiddenSize();
    this.epsilon = config.rmsNormEpsilon();
    this.norms = weights;
    this.kernels = kernels;
    this.space = space;
    this.attention = new Attention(config, layer, weights, kernels, space, rotary, layout);
    this.feedForward = new FeedForward(weights, kernels, space);
  }

  void run(Step step, WorkerPool pool) {
    normalize(step, pool);
    attention.run(step, pool);
    afterAttention(step, pool);
  }

  /** As {@link #run}, but of tokens whose logits are not wanted it leaves the keys and values alone: nothing else of them is needed. */
  void runLast(Step step, WorkerPool pool) {
    normalize(step, pool);
    attention.store(step, pool);
    if (step.logits() == 0) {
      return;
    }
    for (int i = 0; i < step.logits(); i++) {
      System.arraycopy(space.hidden, step.logitRow(i) * hiddenSize, space.hidden, i * hiddenSize, hiddenSize);
    }
    step.keepLogitRows();
    normalize(step, pool);
    attention.query(step, pool);
    afterAttention(step, pool);
  }

  private void normalize(Step step, WorkerPool pool) {
    space.operand.shape(step.rows(), hiddenSize);
    pool.run(space.operand.tiles(), beforeAttention);
  }

  private void afterAttention(Step step, WorkerPool pool) {
    space.operand.shape(step.rows(), hiddenSize);
    pool.run(space.operand.tiles(), betweenBlocks);
    feedForward.run(step, pool);
    pool.run(space.operand.tiles(), afterFeedForward);
  }

  private void beforeAttention(int worker, int tile) {
    normalizeAndPack(worker, tile, norms.attentionNorm());
  }

  private void betweenBlocks(int worker, int tile) {
    addDelta(worker, tile, norms.postAttentionNorm());
    normalizeAndPack(worker, tile, norms.feedForwardNorm());
  }

  private void afterFeedForward(int worker, int tile) {
    addDelta(worker, tile, norms.postFeedForwardNorm());
  }

  private void normalizeAndPack(int worker, int tile, float[] weight) {
    Activations operand = space.operand;
    for (int row = operand.firstRow(tile); row < operand.firstRow(tile) + operand.tileRows(tile); row++) {
      int at = row * hiddenSize;
      kernels.rmsNorm(space.hidden, at, weight, space.normed, at, hiddenSize, epsilon, space.scratch[worker]);
    }
    operand.pack(tile, space.normed, hiddenSize);
  }

  private void addDelta(int worker, int tile, Optional<float[]> postNorm) {
    Activations operand = space.operand;
    for (int row = operand.firstRow(tile); row < operand.firstRow(tile) + operand.tileRows(tile); row++) {
      int at = row * hiddenSize;
      if (postNorm.isPresent()) {
        kernels.rmsNorm(
            space.delta, at, postNorm.get(), space.delta, at, hiddenSize, epsilon, space.scratch[worker]);
      }
      kernels.add(space.delta, at, space.hidden, at, hiddenSize);
    }
  }
}
