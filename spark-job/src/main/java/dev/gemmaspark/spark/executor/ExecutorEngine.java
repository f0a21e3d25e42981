package dev.gemmaspark.spark.executor;

import dev.gemmaspark.engine.EngineStats;
import dev.gemmaspark.engine.GemmaEngine;
import dev.gemmaspark.engine.generation.TextGenerator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The engines of this JVM: one for each {@link EngineSettings}, which all tasks share. Whoever comes first opens it while the others
 * wait; it is closed when the JVM ends. Safe for use by many threads.
 */
public final class ExecutorEngine {
  private static final Logger LOG = LoggerFactory.getLogger(ExecutorEngine.class);
  private static final ConcurrentMap<EngineSettings, CompletableFuture<TextGenerator>> ENGINES =
      new ConcurrentHashMap<>();

  private static volatile EngineFactory factory = EngineFactory::gemma;

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(ExecutorEngine::closeAll, "gemma-close"));
  }

  /**
   * An engine, and what the caller waited for it.
   *
   * @param generator shared; not to be closed
   * @param loadNanos time that the caller spent opening it, or 0 where another did
   */
  public record Lease(TextGenerator generator, long loadNanos) {}

  private ExecutorEngine() {}

  /**
   * The engine for these settings.
   *
   * @throws dev.gemmaspark.engine.error.GemmaException if the model cannot be opened; the next call tries again
   */
  public static Lease get(EngineSettings settings) {
    CompletableFuture<TextGenerator> mine = new CompletableFuture<>();
    CompletableFuture<TextGenerator> other = ENGINES.putIfAbsent(settings, mine);
    if (other != null) {
      return new Lease(Opening.await(other), 0);
    }
    long start = System.nanoTime();
    try {
      mine.complete(factory.open(settings));
    } catch (Throwable e) {
      ENGINES.remove(settings, mine);
      mine.completeExceptionally(e);
    }
    return new Lease(Opening.await(mine), System.nanoTime() - start);
  }

  /** What the open engines have done, one for each. */
  public static List<EngineStats> stats() {
    return ENGINES.values().stream()
        .filter(engine -> engine.isDone() && !engine.isCompletedExceptionally())
        .map(CompletableFuture::join)
        .filter(GemmaEngine.class::isInstance)
        .map(engine -> ((GemmaEngine) engine).stats())
        .toList();
  }

  /** Closes all engines, and opens later ones with another factory: for tests. */
  public static void replaceFactory(EngineFactory replacement) {
    closeAll();
    factory = replacement;
  }

  /** Closes all engines; what runs on them ends with an error. */
  public static void closeAll() {
    for (CompletableFuture<TextGenerator> engine : ENGINES.values()) {
      engine.thenAccept(ExecutorEngine::close);
    }
    ENGINES.clear();
  }

  private static void close(TextGenerator generator) {
    if (generator instanceof AutoCloseable closeable) {
      try {
        closeable.close();
      } catch (Exception e) {
        LOG.warn("An engine did not close", e);
      }
    }
  }
}
