package dev.gemmaspark.spark.executor;

import dev.gemmaspark.engine.EngineOptions;
import dev.gemmaspark.engine.GemmaEngine;
import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.generation.TextGenerator;
import java.util.concurrent.CompletableFuture;

/** Opens the engine of an executor; tests put a fake in its place. */
@FunctionalInterface
public interface EngineFactory {
  /** An opened engine, which is closed if it is {@link AutoCloseable}. */
  TextGenerator open(EngineSettings settings);

  /** The real one. */
  static TextGenerator gemma(EngineSettings settings) {
    // Mapping a file on a thread that Spark may interrupt would close the channel under it.
    EngineOptions chosen = settings.options();
    CompletableFuture<TextGenerator> opened = new CompletableFuture<>();
    Thread.ofPlatform()
        .daemon()
        .name("gemma-load")
        .start(
            () -> {
              try {
                opened.complete(GemmaEngine.openForChat(chosen));
              } catch (GemmaException e) {
                opened.completeExceptionally(new GemmaException("Host " + Host.name() + ": " + e.getMessage(), e));
              } catch (Throwable e) {
                opened.completeExceptionally(e);
              }
            });
    return Opening.await(opened);
  }
}
