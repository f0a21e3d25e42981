package dev.gemmaspark.engine.arrow;

import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.GenerationResult;
import dev.gemmaspark.engine.generation.Prompt;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * The last short requests, so that a text that comes again and again is completed once; all together, with the longest texts that they may
 * be completed by, stay within a few megabytes. Not thread-safe.
 */
final class KnownRequests {
  private static final int MOST_CHARACTERS = 4 << 20;
  private static final int MOST_CHARACTERS_OF_ONE = 1 << 14;

  /** Of a token that a model writes, on the average. */
  private static final long CHARACTERS_OF_TOKEN = 4;

  /** That take as much memory as what comes with a request besides its texts. */
  private static final int CHARACTERS_OF_OBJECTS = 256;

  private final LinkedHashMap<GenerationRequest, CompletableFuture<GenerationResult>> recent = new LinkedHashMap<>(16, 0.75f, true);
  private long characters;

  /** A request like it that is under way or has been completed; one that failed is tried again. */
  Optional<CompletableFuture<GenerationResult>> find(GenerationRequest request) {
    return Optional.ofNullable(recent.get(request)).filter(future -> !future.isDone() || isCompletion(future));
  }

  private static boolean isCompletion(CompletableFuture<GenerationResult> future) {
    return !future.isCompletedExceptionally() && future.join() instanceof Completion;
  }

  void add(GenerationRequest request, CompletableFuture<GenerationResult> future) {
    if (characters(request) > MOST_CHARACTERS_OF_ONE) {
      return;
    }
    if (recent.put(request, future) == null) {
      characters += characters(request);
    }
    while (characters > MOST_CHARACTERS) {
      characters -= characters(recent.pollFirstEntry().getKey());
    }
  }

  int size() {
    return recent.size();
  }

  private static long characters(GenerationRequest request) {
    long prompt =
        switch (request.prompt()) {
          case Prompt.Raw raw -> raw.text().length();
          case Prompt.Chat chat -> chat.turns().stream().mapToInt(turn -> turn.text().length()).sum();
        };
    return CHARACTERS_OF_OBJECTS + prompt + CHARACTERS_OF_TOKEN * request.stop().maxTokens();
  }
}
