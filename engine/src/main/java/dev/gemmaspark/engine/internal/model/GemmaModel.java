package dev.gemmaspark.engine.internal.model;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.internal.cache.KvCache;
import dev.gemmaspark.engine.internal.cache.KvCachePool;
import dev.gemmaspark.engine.internal.cache.KvCacheShape;
import dev.gemmaspark.engine.internal.kernel.Activations;
import dev.gemmaspark.engine.internal.kernel.Kernels;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;
import dev.gemmaspark.engine.internal.tensor.KvType;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.weights.LayerConfig;
import dev.gemmaspark.engine.internal.weights.ModelConfig;
import dev.gemmaspark.engine.internal.weights.ModelWeights;
import dev.gemmaspark.engine.internal.weights.Rope;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The forward pass of Gemma 1 and 2: embedding, decoder layers, output head. One step takes tokens of many sequences and reads every
 * matrix once for all of them. The logits of a position depend on its sequence alone, to the bit: not on its company, on chunks, or
 * on the number of threads.
 *
 * <p>Not thread-safe: one thread runs the steps, with the pool's help. Whoever made the pool closes it.
 */
public final class GemmaModel {
  /** Weight types whose kernels this JVM has compiled for a model: compilations outlive models. */
  private static final Set<TensorType> WARM = ConcurrentHashMap.newKeySet();

  private static final long WARM_UP_NANOS = 100_000_000;

  private final ModelConfig config;
  private final float embeddingScale;
  private final int contextLength;
  private final float[] outputNorm;
  private final PackedMatrix embedding;
  private final PackedMatrix head;
  private final List<PackedMatrix> matrices = new ArrayList<>();
  private final KvBlockLayout layout;
  private final Kernels kernels;
  private final WorkerPool pool;
  private final Workspace space;
  private final List<DecoderLayer> layers = new ArrayList<>();
  private final WorkerPool.IndexedTask embed = this::embed;
  private final WorkerPool.IndexedTask normalizeLast = this::normalizeLast;
  private final WorkerPool.IndexedTask capLogits = this::capLogits;
  private Step step;
  private float[] logits = new float[0];
  private MatrixProduct headProduct;

  /**
   * @param weights the model
   * @param kernels the arithmetic
   * @param pool the threads
   * @param maxStepTokens most tokens of one step
   * @param contextLength most positions of one sequence
   * @param kvType of the numbers in the caches
   */
  public GemmaModel(
      ModelWeights<PackedMatrix> weights, Kernels kernels, WorkerPool pool, int maxStepTokens, int contextLength, KvType kvType) {
    this.config = weights.config();
    this.embeddingScale = (float) Math.sqrt(config.hiddenSize());
    this.outputNorm = weights.outputNorm();
    this.embedding = weights.embedding();
    this.head = weights.head().orElse(embedding);
    this.contextLength = contextLength;
    this.kernels = kernels;
    this.pool = pool;
    this.layout = new KvBlockLayout(config.kvHeads(), config.headDim(), kvType);
    checkHeap(maxStepTokens);
    this.space = new Workspace(config, layout, maxStepTokens, contextLength, pool.threads());
    Map<Rope, RotaryEmbedding> rotaries = new HashMap<>();
    matrices.addAll(weights.matrices());
    for (int i = 0; i < config.layers(); i++) {
      RotaryEmbedding rotary =
          rotaries.computeIfAbsent(config.layer(i).rope(), rope -> new RotaryEmbedding(config.headDim(), rope, contextLength));
      layers.add(new DecoderLayer(config, i, weights.layers().get(i), kernels, space, rotary, layout));
    }
  }

  /** Sizes come from a file: what they ask for is said before it is taken, for an error of memory would end the process. */
  private void checkHeap(int maxStepTokens) {
    long floats;
    try {
      long ropes = config.layerConfigs().stream().map(LayerConfig::rope).distinct().count();
      floats =
          Workspace.floats(config, layout, maxStepTokens, contextLength, pool.threads())
              + ropes * RotaryEmbedding.floats(config.headDim(), contextLength);
    } catch (ArithmeticException e) {
      floats = Long.MAX_VALUE / Float.BYTES;
    }
    long free = freeHeap();
    if (floats * Float.BYTES > free - free / 8) {
      System.gc();
      free = freeHeap();
    }
    if (floats * Float.BYTES > free - free / 8) {
      throw new GemmaException(
          String.format(
              Locale.ROOT,
              "the model needs %,d MiB of the heap for steps of %d tokens in a context of %d, and %,d MiB are free;"
                  + " lower the context length, or give the JVM more (-Xmx)",
              floats * Float.BYTES >> 20, maxStepTokens, contextLength, free >> 20));
    }
  }

  private static long freeHeap() {
    Runtime runtime = Runtime.getRuntime();
    return runtime.maxMemory() - runtime.totalMemory() + runtime.freeMemory();
  }

  /** What a sequence of this model needs of a cache. */
  public KvCacheShape cacheShape() {
    return new KvCacheShape(layout, config.windows());
  }

  /** Most tokens of one step. */
  public int maxStepTokens() {
    return space.maxRows;
  }

  /**
   * Lets this JVM compile the kernels that the model needs, so that the first prompt is as fast as the others. By the calling thread
   * alone, for C2 compiles a loop worse that is running in several threads.
   */
  public void warmUp() {
    // every height of tile
    int[] shapes = {1, 2 * Activations.TILE_ROWS - 1, Activations.TILE_ROWS * 4 / 3};
    for (PackedMatrix matrix : matrices) {
      if (WARM.add(matrix.format().type())) {
        for (int rows : shapes) {
          if (rows <= space.maxRows) {
            warmUp(matrix, rows);
          }
        }
      }
    }
    int rows = Math.min(shapes[1], Math.min(space.maxRows, contextLength));
    long bytes = cacheShape().blocks(rows, rows) * layout.blockBytes();
    try (KvCachePool caches = new KvCachePool(cacheShape(), bytes);
        KvCache cache = caches.open(rows, rows)) {
      Step some = new Step(rows);
      cache.extend(rows);
      for (int i = 0; i < rows; i++) {
        some.add(0, i, cache);
      }
      some.wantLogits();
      forward(some);
    }
  }

  private void warmUp(PackedMatrix matrix, int rows) {
    space.operand.shape(rows, matrix.columns());
    int panels = Math.min(Kernels.MAX_PANELS, matrix.panels());
    long end = System.nanoTime() + WARM_UP_NANOS;
    while (System.nanoTime() < end) {
      kernels.multiplyPanels(matrix, 0, panels, space.operand, space.scratch[0]);
    }
  }

  /** Runs a step: keys and values of its tokens go to their caches, and the logits that it asks for to {@link #logits}. */
  public void forward(Step step) {
    this.step = step;
    pool.run(step.rows(), embed);
    for (int i = 0; i < layers.size() - 1; i++) {
      layers.get(i).run(step, pool);
    }
    layers.getLast().runLast(step, pool);
    if (step.logits() > 0) {
      computeLogits();
    }
  }

  /**
   * Says where the numbers of a token stop being finite, whose logits in the last step were not.
   *
   * @param last the last step; it must not be refilled yet
   * @param logitsRow the token's, as {@link Step#wantLogits} numbered it
   * @return the place in a user's words, such as {@code layer 3 of 26}
   */
  public String placeOfNonFinite(Step last, int logitsRow) {
    // a step with logits ends with the rows alone that wanted some
    Step again = new Step(1);
    again.add(last.token(logitsRow), last.position(logitsRow), last.cache(logitsRow));
    again.wantLogits();
    step = again;
    pool.run(1, embed);
    if (!isHiddenFinite()) {
      return "the embedding";
    }
    for (int i = 0; i < layers.size(); i++) {
      layers.get(i).run(again, pool);
      if (!isHiddenFinite()) {
        return "layer " + i + " of " + layers.size();
      }
    }
    return "the output head";
  }

  private boolean isHiddenFinite() {
    for (int i = 0; i < config.hiddenSize(); i++) {
      if (!Float.isFinite(space.hidden[i])) {
        return false;
      }
    }
    return true;
  }

  /** The logits of the last step, [row as {@link Step#wantLogits} numbered it][token id], until the next one. */
  public float[] logits() {
    return logits;
  }

  private void embed(int worker, int row) {
    int at = row * config.hiddenSize();
    kernels.readRow(embedding, step.token(row), space.hidden, at, space.scratch[worker]);
    for (int i = at; i < at + config.hiddenSize(); i++) {
      space.hidden[i] *= embeddingScale;
    }
  }

  private void computeLogits() {
    int wanted = step.logits();
    int length = Math.multiplyExact(wanted, config.vocabSize());
    if (logits.length < length) {
      logits = new float[length];
      headProduct =
          new MatrixProduct(kernels, space.scratch, new PackedMatrix[] {head}, new float[][] {logits});
    }
    space.operand.shape(wanted, config.hiddenSize());
    pool.run(space.operand.tiles(), normalizeLast);
    headProduct.run(space.operand, pool);
    if (config.finalSoftcap() != 0) {
      pool.run(wanted, capLogits);
    }
  }

  private void normalizeLast(int worker, int tile) {
    int size = config.hiddenSize();
    int first = space.operand.firstRow(tile);
    for (int i = first; i < first + space.operand.tileRows(tile); i++) {
      kernels.rmsNorm(
          space.hidden, i * size, outputNorm, space.normed, i * size, size, config.rmsNormEpsilon(), space.scratch[worker]);
    }
    space.operand.pack(tile, space.normed, size);
  }

  private void capLogits(int worker, int row) {
    kernels.softcap(logits, row * config.vocabSize(), config.vocabSize(), config.finalSoftcap());
  }
}
