package dev.gemmaspark.engine.arrow;

import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.GenerationResult;
import dev.gemmaspark.engine.generation.Prompt;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** The last short requests, so that a text that comes again and again is completed once. Not thread-safe. */
final class KnownRequests {
  private static final int MOST = 1024;

  /** Of a prompt, so that all together stay within a few megabytes. */
  private static final int MOST_CHARACTERS = 4096;

  private final Map<GenerationRequest, CompletableFuture<GenerationResult>> recent =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<GenerationRequest, CompletableFuture<GenerationResult>> eldest) {
          return size() > MOST;
        }
      };

  /** A request like it that is under way or has been completed; one that failed is tried again. */
  Optional<CompletableFuture<GenerationResult>> find(GenerationRequest request) {
    return Optional.ofNullable(recent.get(request)).filter(future -> !future.isDone() || isCompletion(future));
  }

  private static boolean isCompletion(CompletableFuture<GenerationResult> future) {
    return !future.isCompletedExceptionally() && future.join() instanceof Completion;
  }

  void add(GenerationRequest request, CompletableFuture<GenerationResult> future) {
    if (characters(request.prompt()) <= MOST_CHARACTERS) {
      recent.put(request, future);
    }
  }

  private static int characters(Prompt prompt) {
    return switch (prompt) {
      case Prompt.Raw raw -> raw.text().length();
      case Prompt.Chat chat -> chat.turns().stream().mapToInt(turn -> turn.text().length()).sum();
    };
  }
}
