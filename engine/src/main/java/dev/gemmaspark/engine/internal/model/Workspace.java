package dev.gemmaspark.engine.internal.model;

import dev.gemmaspark.engine.internal.kernel.Activations;
import dev.gemmaspark.engine.internal.kernel.AttentionScratch;
import dev.gemmaspark.engine.internal.kernel.AttentionShape;
import dev.gemmaspark.engine.internal.kernel.KernelScratch;
import dev.gemmaspark.engine.internal.kernel.Kernels;
import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.weights.ModelConfig;

/**
 * The activations of one step, all [token][element], and every thread's scratch. Made once, so that no step allocates. Layers
 * take turns in it.
 */
final class Workspace {
  /** What arrays have behind their last element, at the most. */
  private static final int SLACK = 16 * PackedMatrix.PANEL_ROWS;

  final int maxRows;

  /** The residual stream: hidden size. */
  final float[] hidden;

  /** What is normalized, on its way into a product: hidden size. */
  final float[] normed;

  /** Attention heads x head dim. */
  final float[] query;

  /** KV heads x head dim. */
  final float[] key;

  /** KV heads x head dim. */
  final float[] value;

  /** Attention heads x head dim. */
  final float[] attention;

  /** What attention or feed-forward adds to the residual stream: hidden size. */
  final float[] delta;

  /** Intermediate size. */
  final float[] gate;

  /** Intermediate size. */
  final float[] up;

  /** The operand of the next product. */
  final Activations operand;

  /** By worker. */
  final KernelScratch[] scratch;

  /**
   * Floats of a workspace. Everything else that a model takes of the heap is small beside it and {@link RotaryEmbedding#floats}.
   *
   * @throws ArithmeticException if one of its arrays would be too long for an array
   */
  static long floats(ModelConfig config, KvBlockLayout layout, int maxRows, int contextLength, int threads) {
    long queryWidth = config.attentionHeads() * config.headDim();
    long kvWidth = config.kvHeads() * config.headDim();
    long widest = Math.max(config.intermediateSize(), Math.max(queryWidth, config.hiddenSize()));
    long rows = maxRows * (3L * config.hiddenSize() + 2 * queryWidth + 2 * kvWidth + 2L * config.intermediateSize());
    Math.toIntExact(maxRows * (widest + PackedMatrix.PANEL_ROWS) + SLACK);
    long attention = attentionShape(config, layout).rowsTogether() * (2L * config.headDim() + 2L * contextLength + SLACK);
    Math.toIntExact(attention);
    return rows + maxRows * widest + threads * (attention + (long) Kernels.MAX_PANELS * maxRows * PackedMatrix.PANEL_ROWS);
  }

  private static AttentionShape attentionShape(ModelConfig config, KvBlockLayout layout) {
    int group = config.attentionHeads() / config.kvHeads();
    return new AttentionShape(layout, group, config.attentionHeads() * config.headDim(), 0, config.attentionSoftcap());
  }

  Workspace(ModelConfig config, KvBlockLayout layout, int maxRows, int contextLength, int threads) {
    this.maxRows = maxRows;
    int queryWidth = config.attentionHeads() * config.headDim();
    int kvWidth = config.kvHeads() * config.headDim();
    hidden = new float[maxRows * config.hiddenSize()];
    normed = new float[maxRows * config.hiddenSize()];
    query = new float[maxRows * queryWidth];
    key = new float[maxRows * kvWidth];
    value = new float[maxRows * kvWidth];
    attention = new float[maxRows * queryWidth];
    delta = new float[maxRows * config.hiddenSize()];
    gate = new float[maxRows * config.intermediateSize()];
    up = new float[maxRows * config.intermediateSize()];
    int widest = Math.max(config.intermediateSize(), Math.max(queryWidth, config.hiddenSize()));
    operand = new Activations(maxRows, widest);
    AttentionShape shape = attentionShape(config, layout);
    scratch = new KernelScratch[threads];
    for (int i = 0; i < threads; i++) {
      scratch[i] = new KernelScratch(maxRows, new AttentionScratch(shape, contextLength));
    }
  }
}
