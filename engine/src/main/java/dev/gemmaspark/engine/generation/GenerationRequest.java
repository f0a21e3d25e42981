package dev.gemmaspark.engine.generation;

import java.util.Objects;

/**
 * One prompt to be completed.
 *
 * @param prompt what the model is shown
 * @param sampling how tokens are picked
 * @param stop when the completion ends
 * @param truncation what happens to a prompt that does not fit
 */
public record GenerationRequest(
    Prompt prompt, SamplingParameters sampling, StopConditions stop, Truncation truncation) {
  public GenerationRequest {
    Objects.requireNonNull(prompt, "prompt");
    Objects.requireNonNull(sampling, "sampling");
    Objects.requireNonNull(stop, "stop");
    Objects.requireNonNull(truncation, "truncation");
  }

  /** Greedy, with the default length, failing where the prompt does not fit. */
  public static GenerationRequest of(Prompt prompt) {
    return new GenerationRequest(
        prompt, SamplingParameters.greedy(), StopConditions.defaults(), Truncation.FAIL);
  }

  public GenerationRequest with(SamplingParameters value) {
    return new GenerationRequest(prompt, value, stop, truncation);
  }

  public GenerationRequest with(StopConditions value) {
    return new GenerationRequest(prompt, sampling, value, truncation);
  }

  public GenerationRequest with(Truncation value) {
    return new GenerationRequest(prompt, sampling, stop, value);
  }
}
