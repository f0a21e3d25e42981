package dev.gemmaspark.spark.executor;

import dev.gemmaspark.engine.error.GemmaException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Waits for another thread's work, and carries its errors over in a form that Spark survives. */
final class Opening {
  private Opening() {}

  static <T> T await(CompletableFuture<T> future) {
    try {
      return future.join();
    } catch (CompletionException e) {
      switch (e.getCause()) {
        case GemmaException known -> throw known;
        case OutOfMemoryError fatal -> throw fatal;
        default -> {
          // Not as the cause: Spark ends the executor for some errors anywhere in the chain.
          GemmaException failure = new GemmaException("The model cannot be opened: " + e.getCause());
          failure.addSuppressed(e.getCause());
          throw failure;
        }
      }
    }
  }
}
