package dev.gemmaspark.engine;

import dev.gemmaspark.engine.chat.RenderedPrompt;
import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.error.InvalidSettingException;
import dev.gemmaspark.engine.error.UnsupportedModelException;
import dev.gemmaspark.engine.generation.GenerationFailure;
import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.GenerationResult;
import dev.gemmaspark.engine.generation.TextGenerator;
import dev.gemmaspark.engine.generation.TokenListener;
import dev.gemmaspark.engine.generation.Truncation;
import dev.gemmaspark.engine.internal.cache.KvCachePool;
import dev.gemmaspark.engine.internal.cache.KvCacheShape;
import dev.gemmaspark.engine.internal.kernel.Kernels;
import dev.gemmaspark.engine.internal.model.GemmaModel;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import dev.gemmaspark.engine.internal.scheduler.Scheduler;
import dev.gemmaspark.engine.internal.scheduler.SchedulerStats;
import dev.gemmaspark.engine.internal.scheduler.Sequence;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import dev.gemmaspark.engine.internal.tokenizer.EncodedPrompt;
import dev.gemmaspark.engine.internal.tokenizer.PromptEncoder;
import dev.gemmaspark.engine.internal.weights.ModelWeights;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A model, opened, that completes prompts. Requests of all threads run together in one batch. Safe for use by many threads;
 * whoever opened it closes it.
 */
public final class GemmaEngine implements TextGenerator, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(GemmaEngine.class);

  /** Tokens of one step: enough for the arithmetic to hide the reading of the weights, few enough for decoding to go on. */
  private static final int STEP_TOKENS = 512;

  private final LoadedModel loaded;
  private final ModelDescription description;
  private final Scheduler scheduler;

  private GemmaEngine(LoadedModel loaded, ModelDescription description, Scheduler scheduler) {
    this.loaded = loaded;
    this.description = description;
    this.scheduler = scheduler;
  }

  /**
   * Opens a model: maps its weights, packs them where this machine has not yet, and starts the worker threads.
   *
   * @throws GemmaException if the model is missing, broken or of another kind
   */
  public static GemmaEngine open(EngineOptions options) {
    long start = System.nanoTime();
    return open(options, LoadedModel.load(options), start);
  }

  /**
   * As {@link #open(EngineOptions)}, for conversations: a model whose chat template is not known is refused before it is packed.
   *
   * @throws GemmaException as {@link #open(EngineOptions)}, or if nobody says how conversations become prompts
   */
  public static GemmaEngine openForChat(EngineOptions options) {
    long start = System.nanoTime();
    LoadedModel loaded = LoadedModel.load(options);
    try {
      loaded.prompts().chatTemplate();
    } catch (InvalidSettingException e) {
      throw new UnsupportedModelException(loaded.path() + ": " + e.getMessage());
    }
    return open(options, loaded, start);
  }

  private static GemmaEngine open(EngineOptions options, LoadedModel loaded, long start) {
    Kernels kernels = Kernels.best();
    WorkerPool pool = new WorkerPool(options.threads(), "gemma-worker");
    try {
      int contextLength = loaded.contextLength(options);
      ModelWeights<PackedMatrix> weights = loaded.pack(pool, options.progress());
      int stepTokens = Math.max(options.maxSequences(), Math.min(STEP_TOKENS, contextLength));
      GemmaModel model = new GemmaModel(weights, kernels, pool, stepTokens, contextLength, options.kvCacheType().internal());
      long kvCacheBytes = kvCacheBytes(options, model, contextLength);
      options.progress().progress("warming up", 0);
      model.warmUp();
      KvCachePool caches = new KvCachePool(model.cacheShape(), kvCacheBytes);
      ModelDescription description =
          describe(loaded, contextLength, System.nanoTime() - start);
      LOG.info(
          "{}: {} parameters, {} threads, {}, context {}, KV cache up to {} MiB, opened in {} ms",
          description.name(),
          description.parameters(),
          options.threads(),
          kernels.description(),
          contextLength,
          caches.budgetBytes() >> 20,
          description.loadNanos() / 1_000_000);
      Scheduler scheduler =
          new Scheduler(model, weights.config().vocabSize(), caches, pool, options.maxSequences());
      return new GemmaEngine(loaded, description, scheduler);
    } catch (Throwable e) {
      pool.close();
      throw e;
    }
  }

  private static long kvCacheBytes(EngineOptions options, GemmaModel model, int contextLength) {
    KvCacheShape shape = model.cacheShape();
    long everything =
        options.maxSequences()
            * shape.blocks(contextLength, model.maxStepTokens())
            * shape.block().blockBytes();
    return Math.min(everything, MachineMemory.kvCache(options.kvCacheBytes(), options.memoryBytes()));
  }

  private static ModelDescription describe(LoadedModel loaded, int contextLength, long nanos) {
    return new ModelDescription(
        loaded.identity().name(),
        loaded.identity().sha256(),
        loaded.weights().config().architecture().label(),
        loaded.weights().parameters(),
        contextLength,
        loaded.weights().matrices().stream().mapToLong(WeightRows::bytes).sum(),
        nanos);
  }

  /** Which model this is. */
  public ModelDescription model() {
    return description;
  }

  @Override
  public CompletableFuture<GenerationResult> submit(GenerationRequest request) {
    return submit(request, piece -> true);
  }

  /** As {@link #submit(GenerationRequest)}, and tells the listener of the text as it is made. */
  public CompletableFuture<GenerationResult> submit(
      GenerationRequest request, TokenListener listener) {
    PromptEncoder prompts = loaded.prompts();
    int longest = description.contextLength() - 1;
    EncodedPrompt prompt;
    try {
      RenderedPrompt rendered = prompts.render(request.prompt());
      long fewest = prompts.fewestTokens(rendered);
      if (fewest > longest && request.truncation() == Truncation.FAIL) {
        return tooLong("at least " + fewest);
      }
      prompt = prompts.encode(rendered, Thread.currentThread()::isInterrupted);
    } catch (InvalidSettingException e) {
      return CompletableFuture.completedFuture(
          new GenerationFailure(GenerationFailure.Code.INVALID_REQUEST, e.getMessage()));
    } catch (CancellationException e) {
      CompletableFuture<GenerationResult> cancelled = new CompletableFuture<>();
      cancelled.cancel(false);
      return cancelled;
    }
    Optional<EncodedPrompt> fitting = prompts.truncate(prompt, longest, request.truncation());
    if (fitting.isEmpty()) {
      return tooLong(String.valueOf(prompt.length()));
    }
    Sequence sequence =
        new Sequence(
            request,
            fitting.get().ids(),
            description.contextLength(),
            loaded.weights().vocabulary(),
            loaded.weights().stopTokens(),
            listener);
    scheduler.submit(sequence);
    return sequence.result();
  }

  private CompletableFuture<GenerationResult> tooLong(String tokens) {
    return CompletableFuture.completedFuture(
        new GenerationFailure(
            GenerationFailure.Code.PROMPT_TOO_LONG,
            String.format(
                Locale.ROOT,
                "the prompt has %s tokens, and the context %d with at least one for the completion; shorten it, or raise the context length where"
                    + " the model allows (--context-length, spark.gemma.contextLength)",
                tokens,
                description.contextLength())));
  }

  @Override
  public boolean hasEnded() {
    return scheduler.hasEnded();
  }

  /** What has been done so far. */
  public EngineStats stats() {
    SchedulerStats stats = scheduler.stats();
    return new EngineStats(
        stats.promptTokens(),
        stats.cachedTokens(),
        stats.completionTokens(),
        stats.requests(),
        stats.failures(),
        stats.runningSequences(),
        stats.waitingSequences(),
        stats.steps(),
        stats.busyNanos(),
        stats.kvCacheBytesReserved(),
        stats.kvCacheBytesBudget());
  }

  /**
   * Ends all requests ({@link IllegalStateException}), stops the threads and gives the memory of the KV cache back. May be called by any
   * thread, and more than once; a listener's call returns before that is done.
   */
  @Override
  public void close() {
    scheduler.close();
  }
}
