package dev.gemmaspark.engine.internal.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.sun.management.ThreadMXBean;
import dev.gemmaspark.engine.ChildJvm;
import dev.gemmaspark.engine.generation.SamplingParameters;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SamplerTest {
  private static final SamplingParameters WARM = SamplingParameters.greedy().withTemperature(1);
  private static final float[] LOGITS = {9, 1f, 3f, 2f, 0f, 9};
  private static final int[] PROMPT = {2, 0};

  /** Ways to draw from a vocabulary as large as Gemma's. */
  private static final List<SamplingParameters> LARGE =
      List.of(
          WARM,
          WARM.withTopP(0.95),
          WARM.withTopK(40),
          WARM.withTopK(100_000),
          WARM.withMinP(0.05),
          WARM.withTopK(64).withTopP(0.95).withMinP(0.01));

  private static final long DEADLINE = Duration.ofSeconds(30).toNanos();
  private static final long NEXT_TO_NOTHING = 10 << 10;

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
  void nextToNoTemperatureTakesTheMostLikely() {
    for (double temperature : new double[] {Double.MIN_VALUE, 1e-310, 1e-40, 1e-10}) {
      assertThat(shares(WARM.withTemperature(temperature))).containsOnlyKeys(2);
      assertThat(shares(WARM.withTemperature(temperature).withTopP(0.9).withMinP(0.1))).containsOnlyKeys(2);
    }
  }

  @Test
  void aRepetitionPenaltyThatMakesLogitsInfiniteIsRefused() {
    assertThatThrownBy(() -> WARM.withRepetitionPenalty(1e-46)).hasMessageContaining("repetitionPenalty").hasMessageContaining("between 0.01 and 100");
  }

  @Test
  void aTokenThatCannotBeIsNeverDrawn() {
    float[] logits = {Float.NEGATIVE_INFINITY, 0, Float.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY};
    for (SamplingParameters parameters : List.of(WARM, WARM.withTopK(3), WARM.withTopP(0.9999))) {
      assertThat(new Candidates(parameters).draw(logits, 0, 4, 1, 0)).isEqualTo(1);
      assertThat(new Candidates(parameters).draw(logits, 0, 4, 1, Math.nextDown(1.0))).isEqualTo(1);
    }
  }

  @Test
  void whatIsKeptIsWhatSortingKeeps() {
    SplittableRandom random = new SplittableRandom(7);
    for (int round = 0; round < 200; round++) {
      int vocabSize = round % 4 == 0 ? random.nextInt(2_000, 9_000) : random.nextInt(1, 60);
      // few different values, so that many are equal, and both zeros
      int values = random.nextInt(1, 40);
      float[] logits = new float[vocabSize + 5];
      for (int i = 0; i < logits.length; i++) {
        logits[i] = random.nextInt(-values, values + 1) * (random.nextBoolean() ? 0.1f : -0.1f);
      }
      SamplingParameters parameters =
          WARM.withTemperature(random.nextDouble(0.5, 5))
              .withTopK(random.nextBoolean() ? SamplingParameters.ALL : random.nextInt(1, vocabSize + 2))
              .withTopP(random.nextBoolean() ? 1 : random.nextDouble(0.05, 1))
              .withMinP(random.nextBoolean() ? 0 : random.nextDouble(0, 0.5));
      List<Integer> kept = kept(logits, 5, vocabSize, parameters);
      Candidates candidates = new Candidates(parameters);
      Set<Integer> drawn = new TreeSet<>();
      for (int i = 0; i < 500; i++) {
        drawn.add(candidates.draw(logits, 5, vocabSize, Sampler.largest(logits, 5, vocabSize), (i + 0.5) / 500));
      }
      assertThat(kept).as("%s of %d", parameters, vocabSize).containsAll(drawn);
      if (vocabSize < 60) {
        // those that have the mass of two draws are drawn
        double total = kept.stream().mapToDouble(id -> weight(logits[5 + id], parameters)).sum();
        assertThat(drawn)
            .as("%s of %d", parameters, vocabSize)
            .containsAll(kept.stream().filter(id -> weight(logits[5 + id], parameters) > 0.004 * total).toList());
      }
    }
  }

  /** In a JVM of its own, as it is in use: one in which kernels of other widths have run makes objects of the vectors. */
  @Test
  void aTokenOfALargeVocabularyMakesNoGarbage() throws Exception {
    Process process =
        ChildJvm.of(List.of("--add-modules=jdk.incubator.vector"), SamplerTest.class.getName())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    List<String> lines = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    assertThat(process.waitFor()).isZero();
    assertThat(lines).hasSameSizeAs(LARGE);
    for (int i = 0; i < lines.size(); i++) {
      assertThat(Long.parseLong(lines.get(i))).as("bytes of ten tokens, %s", LARGE.get(i)).isLessThanOrEqualTo(NEXT_TO_NOTHING);
    }
  }

  /** Draws tokens of a large vocabulary until ten of them allocate next to nothing, or time is up; prints the last ones' bytes. */
  public static void main(String[] arguments) {
    float[] logits = new float[256_000];
    SplittableRandom random = new SplittableRandom(3);
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) random.nextDouble(-20, 10);
    }
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    for (SamplingParameters parameters : LARGE) {
      Sampler sampler = new Sampler(parameters, PROMPT);
      long start = System.nanoTime();
      long allocated = Long.MAX_VALUE;
      while (allocated > NEXT_TO_NOTHING && System.nanoTime() - start < DEADLINE) {
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < 10; i++) {
          sampler.sample(logits, 0, logits.length);
        }
        allocated = threads.getCurrentThreadAllocatedBytes() - before;
      }
      System.out.println(allocated);
    }
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

  /** The ids that stay, by the definition. */
  private static List<Integer> kept(float[] logits, int offset, int vocabSize, SamplingParameters parameters) {
    List<Integer> ids =
        IntStream.range(0, vocabSize)
            .boxed()
            .sorted(Comparator.<Integer>comparingDouble(id -> -(logits[offset + id] + 0f)).thenComparing(id -> id))
            .limit(parameters.topK())
            .toList();
    double mass = ids.stream().mapToDouble(id -> weight(logits[offset + id], parameters)).sum();
    double best = weight(logits[offset + ids.getFirst()], parameters);
    List<Integer> kept = new ArrayList<>();
    double reached = 0;
    for (int id : ids) {
      double weight = weight(logits[offset + id], parameters);
      // a hair of difference is left to rounding
      if (parameters.topP() < 1 && reached >= parameters.topP() * mass * (1 + 1e-6) || weight < parameters.minP() * best * (1 - 1e-6)) {
        break;
      }
      kept.add(id);
      reached += weight;
    }
    return kept;
  }

  private static double weight(float logit, SamplingParameters parameters) {
    return Math.exp(logit / parameters.temperature());
  }
}
