package dev.gemmaspark.engine.generation;

import java.util.Objects;

/**
 * The text that the model made.
 *
 * @param text without stop sequence and control tokens; never cut inside a character
 * @param finishReason why it ended
 * @param usage what it cost
 */
public record Completion(String text, FinishReason finishReason, TokenUsage usage)
    implements GenerationResult {
  public Completion {
    Objects.requireNonNull(text, "text");
    Objects.requireNonNull(finishReason, "finishReason");
    Objects.requireNonNull(usage, "usage");
  }
}
