package dev.gemmaspark.engine.internal.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.gemmaspark.engine.generation.SamplingParameters;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class SamplerTest {
  private static final SamplingParameters WARM = SamplingParameters.greedy().withTemperature(1);
  private static final float[] LOGITS = {9, 1f, 3f, 2f, 0f, 9};
  private static final int[] PROMPT = {2, 0};

  @Test
  void greedyTakesTheFirstOfTheLargest() {
    assertThat(new Sampler(SamplingParameters.greedy(), PROMPT).sample(new float[] {1, 5, 5, 2}, 0, 4)).isEqualTo(1);
  }

  @Test
  void equalRequestsDrawEqualTokensAndOtherSeedsOrPromptsOthers() {
    assertThat(stream(WARM, PROMPT)).isEqualTo(stream(WARM, PROMPT.clone()));
    assertThat(stream(WARM, PROMPT)).isNotEqualTo(stream(WARM.withSeed(1), PROMPT));
    assertThat(stream(WARM, PROMPT)).isNotEqualTo(stream(WARM, new int[] {2, 1}));
  }

  @Test
  void drawsFollowTheSoftmaxOfTheTemperature() {
    SamplingParameters parameters = WARM.withTemperature(2);
    double total = Math.exp(0.5) + Math.exp(1.5) + Math.exp(1) + 1;
    Map<Integer, Double> shares = shares(parameters);
    assertThat(shares.get(2)).isCloseTo(Math.exp(1.5) / total, within(0.01));
    assertThat(shares.get(4)).isCloseTo(1 / total, within(0.01));
  }

  @Test
  void topKKeepsTheMostLikely() {
    assertThat(shares(WARM.withTopK(2))).containsOnlyKeys(2, 3);
    assertThat(shares(WARM.withTopK(1))).containsOnlyKeys(2);
  }

  @Test
  void topPKeepsTheSmallestSetThatReachesIt() {
    // probabilities of tokens 2, 3, 1, 4: 0.644, 0.237, 0.087, 0.032
    assertThat(shares(WARM.withTopP(0.64))).containsOnlyKeys(2);
    assertThat(shares(WARM.withTopP(0.65))).containsOnlyKeys(2, 3);
    assertThat(shares(WARM.withTopP(0.9))).containsOnlyKeys(1, 2, 3);
    assertThat(shares(WARM.withTopP(0.99))).containsOnlyKeys(1, 2, 3, 4);
    assertThat(shares(WARM.withTopP(0.72).withTopK(2))).containsOnlyKeys(2);
    assertThat(shares(WARM.withTopP(0.75).withTopK(2))).containsOnlyKeys(2, 3);
  }

  @Test
  void minPDropsWhatIsFarLessLikelyThanTheBest() {
    assertThat(shares(WARM.withMinP(0.3))).containsOnlyKeys(2, 3);
    assertThat(shares(WARM.withMinP(0.1))).containsOnlyKeys(1, 2, 3);
  }

  @Test
  void tiesAtTheEdgeOfTopKGoToTheLowerId() {
    float[] flat = {1, 1, 1, 1};
    Sampler sampler = new Sampler(WARM.withTopK(2), PROMPT);
    for (int i = 0; i < 200; i++) {
      assertThat(sampler.sample(flat, 0, 4)).isLessThan(2);
    }
  }

  @Test
  void repetitionPenaltyCountsPromptAndCompletionOnce() {
    Sampler sampler = new Sampler(SamplingParameters.greedy().withRepetitionPenalty(2), new int[] {1, 1});
    assertThat(sampler.sample(new float[] {1, 4, 2.5f, -1}, 0, 4)).isEqualTo(2);
    assertThat(sampler.sample(new float[] {1, 4, 3.5f, -1}, 0, 4)).isEqualTo(1);
    assertThat(sampler.sample(new float[] {-0.9f, -0.5f, -0.5f, -2}, 0, 4)).isEqualTo(0);
  }

  @Test
  void notANumberIsNoticed() {
    assertThat(Sampler.largest(new float[] {1, Float.NaN, 2}, 0, 3)).isEqualTo(Sampler.NON_FINITE);
    assertThat(Sampler.largest(new float[] {1, Float.POSITIVE_INFINITY, 2}, 0, 3)).isEqualTo(Sampler.NON_FINITE);
    assertThat(Sampler.largest(new float[] {1, Float.NEGATIVE_INFINITY, 2}, 0, 3)).isEqualTo(2);
  }

  private static String stream(SamplingParameters parameters, int[] prompt) {
    Sampler sampler = new Sampler(parameters, prompt);
    StringBuilder tokens = new StringBuilder();
    for (int i = 0; i < 50; i++) {
      tokens.append(sampler.sample(LOGITS.clone(), 1, 4));
    }
    return tokens.toString();
  }

  /** Of tokens 1 to 4, under names that fit their logits' places in {@link #LOGITS}. */
  private static Map<Integer, Double> shares(SamplingParameters parameters) {
    Map<Integer, Double> shares = new TreeMap<>();
    Sampler sampler = new Sampler(parameters, PROMPT);
    int draws = 40_000;
    for (int i = 0; i < draws; i++) {
      shares.merge(sampler.sample(LOGITS, 1, 4) + 1, 1.0 / draws, Double::sum);
    }
    return shares;
  }
}
