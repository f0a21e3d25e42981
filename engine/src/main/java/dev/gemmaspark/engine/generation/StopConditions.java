package dev.gemmaspark.engine.generation;

import static dev.gemmaspark.engine.error.InvalidSettingException.require;

import java.util.List;

/**
 * When a completion ends, besides the model's own end of turn.
 *
 * @param maxTokens how many tokens are made at the most
 * @param stopSequences texts that end the completion where they first appear; they are not part of it
 */
public record StopConditions(int maxTokens, List<String> stopSequences) {
  public static final int DEFAULT_MAX_TOKENS = 256;

  public StopConditions {
    require(maxTokens >= 1, "maxTokens", maxTokens, "at least 1");
    stopSequences = List.copyOf(stopSequences);
    require(
        stopSequences.stream().noneMatch(String::isEmpty),
        "stop",
        stopSequences.stream().map(text -> "'" + text + "'").toList(),
        "without empty texts");
  }

  /** At most {@code maxTokens} tokens, no stop sequences. */
  public static StopConditions maxTokens(int maxTokens) {
    return new StopConditions(maxTokens, List.of());
  }

  public static StopConditions defaults() {
    return maxTokens(DEFAULT_MAX_TOKENS);
  }
}
