package dev.gemmaspark.engine.internal.sampling;

import dev.gemmaspark.engine.generation.SamplingParameters;
import java.util.Arrays;
import java.util.Comparator;
import java.util.PriorityQueue;

/** The tokens that may be drawn, most likely first (ties by id), with their unnormalized probabilities. */
final class Candidates {
  private final int[] ids;
  private final double[] weights;

  private Candidates(int[] ids, double[] weights) {
    this.ids = ids;
    this.weights = weights;
  }

  /**
   * Applies temperature, top-k, top-p and min-p, in this order.
   *
   * @param best the id of the largest logit
   */
  static Candidates of(
      float[] logits, int offset, int vocabSize, int best, SamplingParameters parameters) {
    double inverse = 1 / parameters.temperature();
    float max = logits[offset + best];
    boolean topK = parameters.topK() < vocabSize;
    // without top-k the mass of all tokens counts, and those are not looked at one by one that cannot matter
    double total = topK || parameters.topP() == 1 ? 0 : mass(logits, offset, vocabSize, max, inverse);
    long[] keys =
        topK
            ? mostLikely(logits, offset, vocabSize, parameters.topK())
            : likely(logits, offset, vocabSize, max + Math.log(least(parameters, total, vocabSize)) / inverse);
    if (parameters.topP() < 1) {
      Arrays.sort(keys);
    }
    int[] ids = new int[keys.length];
    double[] weights = new double[keys.length];
    for (int i = 0; i < keys.length; i++) {
      ids[i] = (int) keys[i];
      weights[i] = Math.exp((logits[offset + ids[i]] - max) * inverse);
    }
    boolean ordered = topK || parameters.topP() < 1;
    int kept = ordered ? kept(weights, topK ? Arrays.stream(weights).sum() : total, parameters) : weights.length;
    return new Candidates(Arrays.copyOf(ids, kept), Arrays.copyOf(weights, kept));
  }

  private static double mass(float[] logits, int offset, int vocabSize, float max, double inverse) {
    double mass = 0;
    for (int i = 0; i < vocabSize; i++) {
      mass += Math.exp((logits[offset + i] - max) * inverse);
    }
    return mass;
  }

  /** Tokens less likely than this, for the best's 1, add up to less than what top-p leaves out, or min-p drops them. */
  private static double least(SamplingParameters parameters, double total, int vocabSize) {
    double negligible = total * (1 - parameters.topP()) / vocabSize;
    return Math.min(1, Math.max(negligible, parameters.minP()));
  }

  /** Keys of the tokens with at least this logit. */
  private static long[] likely(float[] logits, int offset, int vocabSize, double least) {
    long[] keys = new long[vocabSize];
    int count = 0;
    for (int i = 0; i < vocabSize; i++) {
      if (logits[offset + i] >= least) {
        keys[count++] = key(logits[offset + i], i);
      }
    }
    return Arrays.copyOf(keys, count);
  }

  /** Keys of so many tokens, in order. */
  private static long[] mostLikely(float[] logits, int offset, int vocabSize, int count) {
    PriorityQueue<Long> worstFirst = new PriorityQueue<>(count, Comparator.reverseOrder());
    float worst = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < vocabSize; i++) {
      float logit = logits[offset + i];
      if (worstFirst.size() == count) {
        // of equal ones the first stay
        if (logit <= worst) {
          continue;
        }
        worstFirst.remove();
      }
      worstFirst.add(key(logit, i));
      worst = logits[offset + (int) (long) worstFirst.element()];
    }
    return worstFirst.stream().mapToLong(Long::longValue).sorted().toArray();
  }

  /** How many of weights that fall are left by top-p and min-p; the first is 1 and always is. */
  private static int kept(double[] weights, double mass, SamplingParameters parameters) {
    int kept = weights.length;
    if (parameters.topP() < 1) {
      double reached = 0;
      kept = 0;
      while (kept < weights.length && reached < parameters.topP() * mass) {
        reached += weights[kept++];
      }
    }
    while (weights[kept - 1] < parameters.minP()) {
      kept--;
    }
    return kept;
  }

  /** Sorts by falling logit, then by id. */
  private static long key(float logit, int id) {
    int bits = Float.floatToIntBits(logit);
    int rising = bits ^ (bits >> 31 & 0x7FFFFFFF);
    return (long) ~rising << 32 | id;
  }

  /**
   * Draws one.
   *
   * @param uniform from 0 (inclusive) to 1 (exclusive)
   */
  int draw(double uniform) {
    double target = uniform * Arrays.stream(weights).sum();
    for (int i = 0; i < ids.length; i++) {
      target -= weights[i];
      if (target < 0) {
        return ids[i];
      }
    }
    return ids[ids.length - 1];
  }
}
