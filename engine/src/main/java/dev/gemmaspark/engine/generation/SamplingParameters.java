package dev.gemmaspark.engine.generation;

import static dev.gemmaspark.engine.error.InvalidSettingException.require;

/**
 * How the next token is picked from the logits. Applied in this order: repetition penalty, temperature, top-k, top-p, min-p.
 *
 * @param temperature 0 for greedy decoding (the most likely token, always), else the divisor of the logits
 * @param topK how many of the most likely tokens stay candidates; {@link #ALL} for no limit
 * @param topP the smallest set of most likely tokens whose probabilities add up to this stays; 1 for no limit
 * @param minP tokens less likely than this share of the most likely one are dropped; 0 for none
 * @param repetitionPenalty divides positive and multiplies negative logits of tokens that stand in the prompt or completion; 1
 *     for none
 * @param seed of the request's own random stream: equal requests with equal seeds give equal text
 */
public record SamplingParameters(
    double temperature, int topK, double topP, double minP, double repetitionPenalty, long seed) {
  /** A {@code topK} without a limit. */
  public static final int ALL = Integer.MAX_VALUE;

  private static final SamplingParameters GREEDY = new SamplingParameters(0, ALL, 1, 0, 1, 0);

  public SamplingParameters {
    require(temperature >= 0 && temperature <= 100, "temperature", temperature, "between 0 and 100");
    require(topK >= 1, "topK", topK, "at least 1");
    require(topP > 0 && topP <= 1, "topP", topP, "more than 0 and at most 1");
    require(minP >= 0 && minP < 1, "minP", minP, "at least 0 and less than 1");
    require(
        repetitionPenalty >= 0.01 && repetitionPenalty <= 100,
        "repetitionPenalty",
        repetitionPenalty,
        "between 0.01 and 100");
  }

  /** Always the most likely token. */
  public static SamplingParameters greedy() {
    return GREEDY;
  }

  public boolean isGreedy() {
    return temperature == 0;
  }

  public SamplingParameters withTemperature(double value) {
    return new SamplingParameters(value, topK, topP, minP, repetitionPenalty, seed);
  }

  public SamplingParameters withTopK(int value) {
    return new SamplingParameters(temperature, value, topP, minP, repetitionPenalty, seed);
  }

  public SamplingParameters withTopP(double value) {
    return new SamplingParameters(temperature, topK, value, minP, repetitionPenalty, seed);
  }

  public SamplingParameters withMinP(double value) {
    return new SamplingParameters(temperature, topK, topP, value, repetitionPenalty, seed);
  }

  public SamplingParameters withRepetitionPenalty(double value) {
    return new SamplingParameters(temperature, topK, topP, minP, value, seed);
  }

  public SamplingParameters withSeed(long value) {
    return new SamplingParameters(temperature, topK, topP, minP, repetitionPenalty, value);
  }
}
