package dev.gemmaspark.engine.cli;

import dev.gemmaspark.engine.generation.SamplingParameters;
import dev.gemmaspark.engine.generation.StopConditions;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** How tokens are picked, and when to stop. */
final class SamplingOptions {
  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      defaultValue = "" + StopConditions.DEFAULT_MAX_TOKENS,
      description = "Most tokens of the completion (default: ${DEFAULT-VALUE}).")
  private int maxTokens;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      defaultValue = "0",
      description = "0 always takes the most likely token; higher is more varied (default: ${DEFAULT-VALUE}).")
  private double temperature;

  @Option(names = "--top-k", paramLabel = "K", description = "Draw from the K most likely tokens.")
  private Integer topK;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      defaultValue = "1",
      description = "Draw from the fewest tokens whose probabilities add up to P.")
  private double topP;

  @Option(
      names = "--min-p",
      paramLabel = "P",
      defaultValue = "0",
      description = "Leave out tokens less likely than P times the most likely one.")
  private double minP;

  @Option(
      names = "--repetition-penalty",
      paramLabel = "R",
      defaultValue = "1",
      description = "Above 1: tokens that have appeared become less likely.")
  private double repetitionPenalty;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "0",
      description = "Of the random draws: equal seeds give equal text (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(names = "--stop", paramLabel = "S", description = "End where this text appears; may be repeated.")
  private List<String> stop = new ArrayList<>();

  SamplingParameters sampling() {
    return new SamplingParameters(
        temperature, topK == null ? SamplingParameters.ALL : topK, topP, minP, repetitionPenalty, seed);
  }

  StopConditions stopConditions() {
    return new StopConditions(maxTokens, stop);
  }
}
