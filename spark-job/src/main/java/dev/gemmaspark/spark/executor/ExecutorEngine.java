package dev.gemmaspark.spark.executor;

import dev.gemmaspark.engine.EngineStats;
import dev.gemmaspark.engine.GemmaEngine;
import dev.gemmaspark.engine.generation.TextGenerator;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The engines of this JVM: one for each {@link EngineSettings} and state of the model's files, which all tasks share. Whoever comes first opens
 * it while the others wait. An engine that nobody uses stays open for the next task, until one is opened for other settings of the same model,
 * or it has been idle for ten minutes when another is opened; one that has ended by an error makes room for a new one at once. All are closed
 * with the application or the JVM. Safe for use by many threads.
 */
public final class ExecutorEngine {
  private static final Logger LOG = LoggerFactory.getLogger(ExecutorEngine.class);
  private static final long LONG_IDLE_NANOS = TimeUnit.MINUTES.toNanos(10);
  private static final Map<Key, Shared> ENGINES = new HashMap<>();

  private record Key(EngineSettings settings, String state) {}

  /** An engine and who uses it; its numbers are guarded by the map. */
  private static final class Shared {
    final CompletableFuture<TextGenerator> generator = new CompletableFuture<>();
    int users;
    long idleSince;

    boolean hasEnded() {
      return generator.isDone() && !generator.isCompletedExceptionally() && generator.join().hasEnded();
    }
  }

  private static volatile EngineFactory factory = EngineFactory::gemma;

  static {
    try {
      Runtime.getRuntime().addShutdownHook(new Thread(ExecutorEngine::closeAll, "gemma-close"));
    } catch (IllegalStateException e) {
      // the JVM ends before an engine was wanted
    }
  }

  /**
   * An engine, and what the caller waited for it; until it is closed, nobody closes the engine for want of use.
   *
   * @param generator shared; not to be closed
   * @param loadNanos time that the caller spent opening it, or 0 where another did
   * @param end gives it back
   */
  public record Lease(TextGenerator generator, long loadNanos, Runnable end) implements AutoCloseable {
    @Override
    public void close() {
      end.run();
    }
  }

  private ExecutorEngine() {}

  /**
   * The engine for these settings.
   *
   * @throws dev.gemmaspark.engine.error.GemmaException if the model cannot be opened; the next call tries again
   */
  public static Lease get(EngineSettings settings) {
    Key key = new Key(settings, ModelLocation.state(settings.conf()));
    Shared engine;
    boolean mine;
    List<Shared> closing = new ArrayList<>();
    synchronized (ENGINES) {
      engine = ENGINES.get(key);
      if (engine != null && engine.hasEnded()) {
        ENGINES.remove(key);
        closing.add(engine);
        engine = null;
      }
      mine = engine == null;
      if (mine) {
        closing.addAll(removeUnused(settings));
        engine = new Shared();
        ENGINES.put(key, engine);
      }
      engine.users++;
    }
    long start = System.nanoTime();
    if (mine) {
      closing.forEach(ExecutorEngine::close);
      open(key, engine);
    }
    return new Lease(Opening.await(engine.generator), mine ? System.nanoTime() - start : 0, giveBack(engine));
  }

  private static void open(Key key, Shared engine) {
    try {
      engine.generator.complete(factory.open(key.settings()));
    } catch (Throwable e) {
      synchronized (ENGINES) {
        ENGINES.remove(key, engine);
      }
      engine.generator.completeExceptionally(e);
    }
  }

  private static Runnable giveBack(Shared engine) {
    return () -> {
      synchronized (ENGINES) {
        engine.users--;
        engine.idleSince = System.nanoTime();
      }
    };
  }

  /** Those that make room for a new engine. */
  private static List<Shared> removeUnused(EngineSettings settings) {
    List<Shared> removed = new ArrayList<>();
    ENGINES
        .entrySet()
        .removeIf(
            entry -> {
              Shared engine = entry.getValue();
              boolean sameModel = entry.getKey().settings().conf().model().equals(settings.conf().model());
              boolean unused = engine.users == 0 && (sameModel || System.nanoTime() - engine.idleSince > LONG_IDLE_NANOS);
              return unused && removed.add(engine);
            });
    return removed;
  }

  /** What the open engines have done, one for each. */
  public static List<EngineStats> stats() {
    List<Shared> engines;
    synchronized (ENGINES) {
      engines = List.copyOf(ENGINES.values());
    }
    return engines.stream()
        .map(engine -> engine.generator)
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
    List<Shared> engines;
    synchronized (ENGINES) {
      engines = List.copyOf(ENGINES.values());
      ENGINES.clear();
    }
    engines.forEach(ExecutorEngine::close);
  }

  private static void close(Shared engine) {
    engine.generator.thenAccept(ExecutorEngine::close);
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
