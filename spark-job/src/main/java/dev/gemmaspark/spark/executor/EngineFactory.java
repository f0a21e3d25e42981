package dev.gemmaspark.spark.executor;

import dev.gemmaspark.engine.EngineOptions;
import dev.gemmaspark.engine.GemmaEngine;
import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.generation.TextGenerator;
import dev.gemmaspark.spark.conf.GemmaConf;
import java.util.concurrent.CompletableFuture;

/** Opens the engine of an executor; tests put a fake in its place. */
@FunctionalInterface
public interface EngineFactory {
  /** An opened engine, which is closed if it is {@link AutoCloseable}. */
  TextGenerator open(EngineSettings settings);

  /** The real one. */
  static TextGenerator gemma(EngineSettings settings) {
    GemmaConf conf = settings.conf();
    EngineOptions options =
        ModelLocation.options(conf)
            .withMaxSequences(conf.maxSequences())
            .withKvCacheType(conf.kvCacheType());
    if (settings.threads() > 0) {
      options = options.withThreads(settings.threads());
    }
    if (conf.contextLength().isPresent()) {
      options = options.withContextLength(conf.contextLength().getAsInt());
    }
    if (conf.kvCacheBytes().isPresent()) {
      options = options.withKvCacheBytes(conf.kvCacheBytes().getAsLong());
    }
    // Mapping a file on a thread that Spark may interrupt would close the channel under it.
    EngineOptions chosen = options;
    CompletableFuture<TextGenerator> opened = new CompletableFuture<>();
    Thread.ofPlatform()
        .daemon()
        .name("gemma-load")
        .start(
            () -> {
              try {
                opened.complete(GemmaEngine.open(chosen));
              } catch (GemmaException e) {
                opened.completeExceptionally(new GemmaException("Host " + Host.name() + ": " + e.getMessage(), e));
              } catch (Throwable e) {
                opened.completeExceptionally(e);
              }
            });
    return Opening.await(opened);
  }
}
