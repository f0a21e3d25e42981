package dev.gemmaspark.spark;

import dev.gemmaspark.engine.chat.ChatTurn;
import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.FinishReason;
import dev.gemmaspark.engine.generation.GenerationFailure;
import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.GenerationResult;
import dev.gemmaspark.engine.generation.Prompt;
import dev.gemmaspark.engine.generation.TextGenerator;
import dev.gemmaspark.engine.generation.TokenUsage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A fake engine: answers with the last line of the prompt in brackets, and remembers what it was asked. A prompt whose last line is
 * {@code BAD} fails; one whose last line is {@code HANG} never ends.
 */
public final class CountingGenerator implements TextGenerator {
  public final List<GenerationRequest> requests = Collections.synchronizedList(new ArrayList<>());
  final List<CompletableFuture<GenerationResult>> hanging = Collections.synchronizedList(new ArrayList<>());

  @Override
  public CompletableFuture<GenerationResult> submit(GenerationRequest request) {
    requests.add(request);
    String text = text(request);
    String last = text.substring(text.lastIndexOf('\n') + 1);
    return switch (last) {
      case "BAD" -> CompletableFuture.completedFuture(
          new GenerationFailure(GenerationFailure.Code.PROMPT_TOO_LONG, "too long, says the test"));
      case "HANG" -> {
        CompletableFuture<GenerationResult> never = new CompletableFuture<>();
        hanging.add(never);
        yield never;
      }
      default -> CompletableFuture.completedFuture(
          new Completion("[" + last + "]", FinishReason.STOP, new TokenUsage(10, 3, 0)));
    };
  }

  public int calls() {
    return requests.size();
  }

  /** The user's text of a request. */
  public static String text(GenerationRequest request) {
    return ((Prompt.Chat) request.prompt()).turns().getLast().text();
  }

  /** The turns of a request. */
  static List<ChatTurn> turns(GenerationRequest request) {
    return ((Prompt.Chat) request.prompt()).turns();
  }
}
