package dev.gemmaspark.engine;

import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.GenerationResult;
import dev.gemmaspark.engine.generation.TextGenerator;
import dev.gemmaspark.engine.generation.TokenListener;
import java.util.concurrent.CompletableFuture;

/**
 * A model, opened, that completes prompts. Requests of all threads run together in one batch. Safe for use by many threads;
 * whoever opened it closes it.
 */
public final class GemmaEngine implements TextGenerator, AutoCloseable {
  private GemmaEngine() {}

  /**
   * Opens a model: maps its weights, packs them where this machine has not yet, and starts the worker threads.
   *
   * @throws dev.gemmaspark.engine.error.GemmaException if the model is missing, broken or of another kind
   */
  public static GemmaEngine open(EngineOptions options) {
    throw new IllegalStateException("in the making");
  }

  /** Which model this is. */
  public ModelDescription model() {
    throw new IllegalStateException("in the making");
  }

  @Override
  public CompletableFuture<GenerationResult> submit(GenerationRequest request) {
    return submit(request, piece -> {});
  }

  /** As {@link #submit(GenerationRequest)}, and tells the listener of the text as it is made. */
  public CompletableFuture<GenerationResult> submit(
      GenerationRequest request, TokenListener listener) {
    throw new IllegalStateException("in the making");
  }

  public EngineStats stats() {
    throw new IllegalStateException("in the making");
  }

  /** Ends all requests ({@link IllegalStateException}), stops the threads and gives the memory back. */
  @Override
  public void close() {}
}
