package dev.gemmaspark.engine.generation;

import java.util.concurrent.CompletableFuture;

/** Whatever completes prompts: the engine, or a fake of it. */
@FunctionalInterface
public interface TextGenerator {
  /**
   * Hands in a request; returns at once. The future always ends with a value, except where the generator is closed first
   * ({@link IllegalStateException}). Cancelling the future frees the request's place within one step. Safe for use by many
   * threads.
   */
  CompletableFuture<GenerationResult> submit(GenerationRequest request);
}
