package dev.gemmaspark.engine.generation;

import java.util.concurrent.CompletableFuture;

/** Whatever completes prompts: the engine, or a fake of it. */
@FunctionalInterface
public interface TextGenerator {
  /**
   * Hands in a request; returns at once. The future always ends with a value, except where the generator is closed first
   * ({@link IllegalStateException}), or where the calling thread is interrupted before its prompt is ready (the future is cancelled
   * then). Cancelling the future frees the request's place within one step. What is hung on the future runs on no thread that other
   * requests wait for. Safe for use by many threads.
   */
  CompletableFuture<GenerationResult> submit(GenerationRequest request);

  /** Whether it has ended, by {@code close} or by an error of its own, and fails all that is handed in from now on. */
  default boolean hasEnded() {
    return false;
  }
}
