package dev.gemmaspark.engine;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.error.InvalidSettingException;
import dev.gemmaspark.engine.internal.cache.KvCache;
import dev.gemmaspark.engine.internal.cache.KvCachePool;
import dev.gemmaspark.engine.internal.kernel.Kernels;
import dev.gemmaspark.engine.internal.model.GemmaModel;
import dev.gemmaspark.engine.internal.model.Step;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import dev.gemmaspark.engine.internal.sampling.Sampler;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * What a model thinks of given tokens: for comparing its numbers with those of another implementation. Not thread-safe; whoever
 * opened it closes it.
 */
public final class LogitsProbe implements AutoCloseable {
  private static final int MOST_LOGITS = Integer.MAX_VALUE - 8;

  private final WorkerPool pool;
  private final GemmaModel model;
  private final KvCachePool caches;
  private final int vocabSize;
  private final int contextLength;
  private final int chunk;
  private final Step step;

  /**
   * Token ids to be looked at.
   *
   * @param tokens at least one
   * @param greedy how many tokens to go on for, each the most likely one
   */
  public record Query(int[] tokens, int greedy) {}

  /**
   * What was found.
   *
   * @param argmax the most likely next token after each of the query's
   * @param lastLogits after the query's last token, of the whole vocabulary
   * @param greedy the continuation
   */
  public record Answer(int[] argmax, float[] lastLogits, int[] greedy) {}

  private LogitsProbe(WorkerPool pool, GemmaModel model, int vocabSize, int contextLength, int chunk, int batch) {
    this.pool = pool;
    this.model = model;
    this.vocabSize = vocabSize;
    this.contextLength = contextLength;
    this.chunk = chunk;
    this.step = new Step(model.maxStepTokens());
    long sequence = model.cacheShape().blocks(contextLength, chunk) * model.cacheShape().block().blockBytes();
    this.caches = new KvCachePool(model.cacheShape(), batch * sequence);
  }

  /**
   * Opens a model.
   *
   * @param options threads, context and cache folder are followed
   * @param chunk most tokens of a sequence in one step
   * @param batch most sequences in one step
   * @throws InvalidSettingException if chunk or batch are none, or ask for more logits than can be held
   * @throws GemmaException if the model is missing, broken or of another kind
   */
  public static LogitsProbe open(EngineOptions options, int chunk, int batch) {
    InvalidSettingException.require(chunk >= 1, "chunk", chunk, "at least 1");
    InvalidSettingException.require(batch >= 1, "batch", batch, "at least 1");
    Kernels kernels = Kernels.best();
    LoadedModel loaded = LoadedModel.load(options);
    WorkerPool pool = new WorkerPool(options.threads(), "gemma-worker");
    try {
      int contextLength = loaded.contextLength(options);
      int longest = Math.min(chunk, contextLength);
      long logits = (long) longest * batch * loaded.weights().config().vocabSize();
      InvalidSettingException.require(
          logits <= MOST_LOGITS,
          "chunk x batch",
          longest + " x " + batch,
          "at most " + MOST_LOGITS / loaded.weights().config().vocabSize() + ", for all logits of a step to fit one array");
      GemmaModel model =
          new GemmaModel(
              loaded.pack(pool, options.progress()),
              kernels,
              pool,
              longest * batch,
              contextLength,
              options.kvCacheType().internal());
      return new LogitsProbe(
          pool, model, loaded.weights().config().vocabSize(), contextLength, longest, batch);
    } catch (Throwable e) {
      pool.close();
      throw e;
    }
  }

  /**
   * Answers queries, at most a batch of them, in the same steps.
   *
   * @throws InvalidSettingException if a query is empty, does not fit the context, or has tokens that there are not
   * @throws GemmaException if keys or values are none that the cache can keep
   */
  public List<Answer> ask(List<Query> queries) {
    List<Run> runs = new ArrayList<>();
    queries.forEach(this::check);
    try {
      for (Query query : queries) {
        runs.add(new Run(query, caches.open(contextLength, chunk)));
      }
      while (runs.stream().anyMatch(Run::isUnfinished)) {
        step.clear();
        runs.forEach(Run::plan);
        model.forward(step);
        runs.forEach(this::checkCache);
        runs.forEach(Run::advance);
      }
      return runs.stream().map(Run::answer).toList();
    } finally {
      runs.forEach(run -> run.cache.close());
    }
  }

  private void checkCache(Run run) {
    run.cache
        .fault()
        .ifPresent(
            fault -> {
              throw new GemmaException(fault.message(caches.shape()));
            });
  }

  private void check(Query query) {
    InvalidSettingException.require(query.tokens().length >= 1, "tokens", "[]", "at least one token");
    InvalidSettingException.require(query.greedy() >= 0, "greedy", query.greedy(), "at least 0");
    // the last token made needs no position
    if ((long) query.tokens().length + Math.max(0, query.greedy() - 1) > contextLength) {
      throw new InvalidSettingException(
          String.format(
              Locale.ROOT, "a line has %d tokens and goes on for %d; the context has %d", query.tokens().length, query.greedy(), contextLength));
    }
    for (int token : query.tokens()) {
      if (token < 0 || token >= vocabSize) {
        throw new InvalidSettingException(String.format(Locale.ROOT, "there is no token %d; the vocabulary has %d", token, vocabSize));
      }
    }
  }

  @Override
  public void close() {
    caches.close();
    pool.close();
  }

  private final class Run {
    private final Query query;
    private final KvCache cache;
    private final int[] tokens;
    private final int[] argmax;
    private int computed;
    private int known;
    private int firstLogits;
    private int planned;
    private float[] lastLogits;

    Run(Query query, KvCache cache) {
      this.query = query;
      this.cache = cache;
      this.known = query.tokens().length;
      this.tokens = Arrays.copyOf(query.tokens(), known + query.greedy());
      this.argmax = new int[tokens.length];
    }

    boolean isUnfinished() {
      return computed < known && computed < Math.max(query.tokens().length, tokens.length - 1);
    }

    void plan() {
      planned = isUnfinished() ? Math.min(chunk, known - computed) : 0;
      firstLogits = step.logits();
      if (planned > 0) {
        cache.extend(planned);
      }
      for (int i = computed; i < computed + planned; i++) {
        step.add(tokens[i], i, cache);
        step.wantLogits();
      }
    }

    void advance() {
      for (int i = 0; i < planned; i++) {
        int row = (firstLogits + i) * vocabSize;
        argmax[computed] = Sampler.largest(model.logits(), row, vocabSize);
        computed++;
        if (computed == query.tokens().length) {
          lastLogits = Arrays.copyOfRange(model.logits(), row, row + vocabSize);
        }
      }
      if (planned > 0 && computed == known && known < tokens.length) {
        tokens[known] = argmax[known - 1];
        known++;
      }
    }

    Answer answer() {
      int length = query.tokens().length;
      return new Answer(
          Arrays.copyOf(argmax, length), lastLogits, Arrays.copyOfRange(tokens, length, tokens.length));
    }
  }
}
