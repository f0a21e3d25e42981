package dev.gemmaspark.engine;

import dev.gemmaspark.engine.internal.cache.KvCache;
import dev.gemmaspark.engine.internal.cache.KvCachePool;
import dev.gemmaspark.engine.internal.kernel.Kernels;
import dev.gemmaspark.engine.internal.kernel.PeakKernels;
import dev.gemmaspark.engine.internal.model.GemmaModel;
import dev.gemmaspark.engine.internal.model.Step;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.weights.LayerWeights;
import dev.gemmaspark.engine.internal.weights.ModelConfig;
import dev.gemmaspark.engine.internal.weights.ModelWeights;
import dev.gemmaspark.engine.internal.weights.SyntheticModel;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How fast a model runs here, and how fast it could: each phase is timed, and compared with the time that the machine's peaks, measured
 * in the same run, would take for its arithmetic or its reading, whichever is more.
 */
public final class Benchmark {
  private static final int REPETITIONS = 5;
  private static final int STEP_TOKENS = 512;

  private final ModelConfig config;
  private final ModelWeights<PackedMatrix> weights;
  private final GemmaModel model;
  private final MachinePeaks peaks;
  private final int contextLength;

  /**
   * What is measured.
   *
   * @param promptTokens of the one sequence of the prefill
   * @param generateTokens steps of a decode
   * @param depth positions before a decode
   * @param batches how many sequences decode together, each measured
   */
  public record Plan(int promptTokens, int generateTokens, int depth, List<Integer> batches) {
    int longest() {
      return Math.max(promptTokens, depth + generateTokens);
    }
  }

  /**
   * What came out.
   *
   * @param threads workers
   * @param vectorBits of the kernels
   * @param fmaGflops the arithmetic's peak
   * @param readGbPerSecond the memory's peak
   * @param loadSeconds for opening the model, packing included where it had to be done
   * @param bytes of the model's matrices
   * @param types of the model's matrices
   * @param results in the order of measuring
   */
  public record Report(
      int threads,
      int vectorBits,
      double fmaGflops,
      double readGbPerSecond,
      double loadSeconds,
      long bytes,
      String types,
      List<Result> results) {}

  /**
   * One phase.
   *
   * @param phase {@code prefill} or {@code decode}
   * @param batch sequences
   * @param promptTokens of the prefill, else 0
   * @param depth positions before the decode, else 0
   * @param tokensPerSecond of all sequences
   * @param gflops 2 x the matrix weights of every token (the head where a token is sampled) and the attention's products
   * @param gbPerSecond the matrices' bytes of every step, and the keys and values read
   * @param rooflineFraction the time that the peaks allow over the time taken
   */
  public record Result(
      String phase,
      int batch,
      int promptTokens,
      int depth,
      double tokensPerSecond,
      double gflops,
      double gbPerSecond,
      double rooflineFraction) {}

  private Benchmark(ModelWeights<PackedMatrix> weights, GemmaModel model, MachinePeaks peaks, int contextLength) {
    this.config = weights.config();
    this.weights = weights;
    this.model = model;
    this.peaks = peaks;
    this.contextLength = contextLength;
  }

  /** Opens a model and measures it. */
  public static Report run(EngineOptions options, Plan plan) {
    Kernels kernels = Kernels.best();
    try (WorkerPool pool = new WorkerPool(options.threads(), "gemma-worker")) {
      long start = System.nanoTime();
      LoadedModel loaded = LoadedModel.load(options);
      ModelWeights<PackedMatrix> packed = loaded.pack(pool, options.progress());
      return measure(packed, loaded.contextLength(options), kernels, pool, options, plan, start);
    }
  }

  /**
   * Measures random weights of a published shape.
   *
   * @param shape {@code 2b} or {@code 9b}
   * @param type of the weights, such as {@code Q4_0} or {@code Q4_K_M}
   * @throws IOException if the weights cannot be written to the cache folder
   */
  public static Report runSynthetic(EngineOptions options, String shape, String type, Plan plan) throws IOException {
    Kernels kernels = Kernels.best();
    options.progress().progress("writing weights", 0);
    try (SyntheticModel synthetic = SyntheticModel.create(shape, type, options.cacheDirectory());
        WorkerPool pool = new WorkerPool(options.threads(), "gemma-worker")) {
      int contextLength = synthetic.model().config().contextLength();
      return measure(synthetic.model(), contextLength, kernels, pool, options, plan, System.nanoTime());
    }
  }

  private static Report measure(
      ModelWeights<PackedMatrix> packed,
      int mostContext,
      Kernels kernels,
      WorkerPool pool,
      EngineOptions options,
      Plan plan,
      long start) {
    int contextLength = Math.min(mostContext, Math.max(plan.longest() + 1, STEP_TOKENS));
    GemmaModel model =
        new GemmaModel(packed, kernels, pool, STEP_TOKENS, contextLength, options.kvCacheType().internal());
    options.progress().progress("warming up", 0);
    model.warmUp();
    double loadSeconds = (System.nanoTime() - start) / 1e9;
    options.progress().progress("measuring the machine", 0);
    MachinePeaks peaks = MachinePeaks.measure(pool);
    Benchmark benchmark = new Benchmark(packed, model, peaks, contextLength);
    List<Result> results = new ArrayList<>();
    results.add(benchmark.prefill(plan.promptTokens()));
    for (int i = 0; i < plan.batches().size(); i++) {
      options.progress().progress("measuring", (i + 1.0) / (plan.batches().size() + 1));
      results.add(benchmark.decode(plan.batches().get(i), plan.depth(), plan.generateTokens()));
    }
    return new Report(
        options.threads(),
        PeakKernels.vectorBits(),
        peaks.flopsPerSecond() / 1e9,
        peaks.readBytesPerSecond() / 1e9,
        loadSeconds,
        benchmark.matrixBytes(),
        types(packed),
        results);
  }

  private static String types(ModelWeights<PackedMatrix> weights) {
    return String.join(
        "+", weights.matrices().stream().map(matrix -> matrix.type().toString()).distinct().sorted().toList());
  }

  private Result prefill(int promptTokens) {
    double[] seconds = new double[REPETITIONS];
    for (int repetition = -1; repetition < REPETITIONS; repetition++) {
      try (KvCachePool pool = caches(1);
          KvCache cache = pool.open(contextLength, STEP_TOKENS)) {
        long start = System.nanoTime();
        Step step = new Step(STEP_TOKENS);
        for (int from = 0; from < promptTokens; from += STEP_TOKENS) {
          step.clear();
          int to = Math.min(from + STEP_TOKENS, promptTokens);
          cache.extend(to - from);
          for (int at = from; at < to; at++) {
            step.add(token(at), at, cache);
          }
          if (to == promptTokens) {
            step.wantLogits();
          }
          model.forward(step);
        }
        if (repetition >= 0) {
          seconds[repetition] = (System.nanoTime() - start) / 1e9;
        }
      }
    }
    double flops = promptTokens * layerFlops() + headFlops() + attentionFlops(0, promptTokens);
    long steps = Math.ceilDiv(promptTokens, STEP_TOKENS);
    double bytes = (double) steps * matrixBytes();
    return result("prefill", 1, promptTokens, 0, promptTokens, median(seconds), flops, bytes);
  }

  private Result decode(int batch, int depth, int steps) {
    double[] seconds = new double[REPETITIONS];
    try (KvCachePool pool = caches(batch)) {
      for (int repetition = -1; repetition < REPETITIONS; repetition++) {
        List<KvCache> caches = new ArrayList<>();
        for (int i = 0; i < batch; i++) {
          caches.add(pool.open(contextLength, STEP_TOKENS));
          for (int from = 0; from < depth; from += STEP_TOKENS) {
            caches.get(i).extend(Math.min(STEP_TOKENS, depth - from));
          }
        }
        long start = System.nanoTime();
        Step step = new Step(STEP_TOKENS);
        for (int at = depth; at < depth + steps; at++) {
          step.clear();
          for (int i = 0; i < batch; i++) {
            caches.get(i).extend(1);
            step.add(token(at + i), at, caches.get(i));
            step.wantLogits();
          }
          model.forward(step);
        }
        if (repetition >= 0) {
          seconds[repetition] = (System.nanoTime() - start) / 1e9;
        }
        caches.forEach(KvCache::close);
      }
    }
    double tokens = (double) batch * steps;
    double flops = tokens * (layerFlops() + headFlops()) + batch * attentionFlops(depth, depth + steps);
    double bytes = (double) steps * matrixBytes() + batch * keyValueBytes(depth, depth + steps);
    return result("decode", batch, 0, depth, tokens, median(seconds), flops, bytes);
  }

  private Result result(
      String phase, int batch, int promptTokens, int depth, double tokens, double seconds, double flops, double bytes) {
    double limit = Math.max(flops / peaks.flopsPerSecond(), bytes / peaks.readBytesPerSecond());
    return new Result(
        phase,
        batch,
        promptTokens,
        depth,
        tokens / seconds,
        flops / seconds / 1e9,
        bytes / seconds / 1e9,
        limit / seconds);
  }

  private KvCachePool caches(int sequences) {
    long one = model.cacheShape().blocks(contextLength, STEP_TOKENS) * model.cacheShape().block().blockBytes();
    return new KvCachePool(model.cacheShape(), sequences * one);
  }

  private int token(int at) {
    return (at * 7919 + 1009) % config.vocabSize();
  }

  private long matrixBytes() {
    return weights.matrices().stream().mapToLong(PackedMatrix::bytes).sum();
  }

  private double layerFlops() {
    double elements = 0;
    for (LayerWeights<PackedMatrix> layer : weights.layers()) {
      for (PackedMatrix matrix : layer.matrices()) {
        elements += (double) matrix.rows() * matrix.columns();
      }
    }
    return 2 * elements;
  }

  private double headFlops() {
    return 2.0 * config.vocabSize() * config.hiddenSize();
  }

  /** Scores and weighted values of the positions from {@code from} to {@code to} of one sequence. */
  private double attentionFlops(int from, int to) {
    return 4.0 * config.attentionHeads() * config.headDim() * visible(from, to);
  }

  private double keyValueBytes(int from, int to) {
    return 2.0 * config.kvHeads() * config.headDim() * model.cacheShape().block().type().bytes() * visible(from, to);
  }

  /** Positions that queries see, summed over queries and layers. */
  private double visible(int from, int to) {
    double sum = 0;
    for (int window : config.windows()) {
      for (int position = from; position < to; position++) {
        sum += window > 0 ? Math.min(position + 1, window) : position + 1;
      }
    }
    return sum;
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
