package dev.gemmaspark.engine.generation;

import java.util.Objects;

/**
 * A request that could not be done, while its neighbours could.
 *
 * @param code what kind of failure
 * @param message the problem, its cause and its mend; never the row's text
 */
public record GenerationFailure(Code code, String message) implements GenerationResult {
  /** Kinds of failure. */
  public enum Code {
    /** The prompt and one token do not fit the context. */
    PROMPT_TOO_LONG,
    /** The request's parameters are out of range, or its turns make no conversation. */
    INVALID_REQUEST,
    /** The model's numbers were not finite, because of broken weights, or too large for the type of the KV cache. */
    NON_FINITE_LOGITS,
    /** The engine failed in a way that only a bug or a broken machine explains. */
    INTERNAL
  }

  public GenerationFailure {
    Objects.requireNonNull(code, "code");
    Objects.requireNonNull(message, "message");
  }
}
