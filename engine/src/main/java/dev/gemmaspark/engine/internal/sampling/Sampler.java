package dev.gemmaspark.engine.internal.sampling;

import dev.gemmaspark.engine.generation.SamplingParameters;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Picks one request's tokens. The random stream starts from a hash of seed, prompt and parameters, so that equal requests give equal
 * text, on whatever machine and however often they are tried. Not thread-safe.
 */
public final class Sampler {
  /** Returned where the logits are not numbers. */
  public static final int NON_FINITE = -1;

  private final SamplingParameters parameters;
  private final SplittableRandom random;
  private final RepetitionPenalty penalty;
  private final Candidates candidates;

  /**
   * @param parameters how to pick
   * @param prompt the request's token ids
   */
  public Sampler(SamplingParameters parameters, int[] prompt) {
    this.parameters = parameters;
    this.random = new SplittableRandom(seed(parameters, prompt));
    this.penalty =
        parameters.repetitionPenalty() == 1
            ? null
            : new RepetitionPenalty((float) parameters.repetitionPenalty(), prompt);
    this.candidates = parameters.isGreedy() ? null : new Candidates(parameters);
  }

  /**
   * The next token.
   *
   * @param logits one for each token id from {@code offset} on; may be changed
   * @return a token id, or {@link #NON_FINITE}
   */
  public int sample(float[] logits, int offset, int vocabSize) {
    if (penalty != null) {
      penalty.apply(logits, offset);
    }
    int best = largest(logits, offset, vocabSize);
    if (best == NON_FINITE) {
      return NON_FINITE;
    }
    int token = candidates == null ? best : candidates.draw(logits, offset, vocabSize, best, random.nextDouble());
    if (penalty != null) {
      penalty.add(token);
    }
    return token;
  }

  /**
   * The first of the largest logits.
   *
   * @return {@link #NON_FINITE} if any is NaN or the largest infinite
   */
  public static int largest(float[] logits, int offset, int vocabSize) {
    int best = 0;
    float max = logits[offset];
    boolean numbers = true;
    for (int i = 0; i < vocabSize; i++) {
      float value = logits[offset + i];
      numbers &= value == value;
      if (value > max) {
        max = value;
        best = i;
      }
    }
    return numbers && Float.isFinite(max) ? best : NON_FINITE;
  }

  private static long seed(SamplingParameters parameters, int[] prompt) {
    long hash = mix(parameters.seed());
    hash = mix(hash ^ Double.doubleToLongBits(parameters.temperature()));
    hash = mix(hash ^ parameters.topK());
    hash = mix(hash ^ Double.doubleToLongBits(parameters.topP()));
    hash = mix(hash ^ Double.doubleToLongBits(parameters.minP()));
    hash = mix(hash ^ Double.doubleToLongBits(parameters.repetitionPenalty()));
    for (int id : prompt) {
      hash = mix(hash ^ id);
    }
    return hash;
  }

  /** The finalizer of SplitMix64 (https://doi.org/10.1145/2714064.2660195), so that near inputs give far outputs. */
  private static long mix(long value) {
    long z = value + 0x9E3779B97F4A7C15L;
    z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
    z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
    return z ^ z >>> 31;
  }

  /** Makes tokens that were seen less likely, each once however often it was seen. */
  private static final class RepetitionPenalty {
    private final float factor;
    private int[] seen;
    private int count;

    RepetitionPenalty(float factor, int[] prompt) {
      this.factor = factor;
      int[] sorted = prompt.clone();
      Arrays.sort(sorted);
      this.seen = Arrays.stream(sorted).distinct().toArray();
      this.count = seen.length;
    }

    void apply(float[] logits, int offset) {
      for (int i = 0; i < count; i++) {
        float value = logits[offset + seen[i]];
        logits[offset + seen[i]] = value > 0 ? value / factor : value * factor;
      }
    }

    void add(int token) {
      int at = Arrays.binarySearch(seen, 0, count, token);
      if (at >= 0) {
        return;
      }
      if (count == seen.length) {
        seen = Arrays.copyOf(seen, Math.max(16, 2 * count));
      }
      int insertion = -at - 1;
      System.arraycopy(seen, insertion, seen, insertion + 1, count - insertion);
      seen[insertion] = token;
      count++;
    }
  }
}
