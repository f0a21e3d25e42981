package dev.gemmaspark.engine.internal.sampling;

import dev.gemmaspark.engine.generation.SamplingParameters;
import java.util.Arrays;

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
    double max = logits[offset + best];
    double total = 0;
    for (int i = 0; i < vocabSize; i++) {
      total += Math.exp((logits[offset + i] - max) * inverse);
    }
    // Tokens this unlikely add up to less than what top-p leaves out, so none of them is needed to reach it.
    double negligible =
        parameters.topP() < 1 && parameters.topK() >= vocabSize ? total * (1 - parameters.topP()) / vocabSize : 0;
    double least = Math.max(negligible, parameters.minP());
    long[] keys = new long[vocabSize];
    int count = 0;
    for (int i = 0; i < vocabSize; i++) {
      if (i == best || Math.exp((logits[offset + i] - max) * inverse) >= least) {
        keys[count++] = key(logits[offset + i], i);
      }
    }
    return cut(logits, offset, Arrays.copyOf(keys, count), max, inverse, total, parameters);
  }

  private static Candidates cut(
      float[] logits,
      int offset,
      long[] keys,
      double max,
      double inverse,
      double total,
      SamplingParameters parameters) {
    boolean ordered = parameters.topK() < keys.length || parameters.topP() < 1;
    if (ordered) {
      Arrays.sort(keys);
    }
    int count = Math.min(parameters.topK(), keys.length);
    int[] ids = new int[count];
    double[] weights = new double[count];
    for (int i = 0; i < count; i++) {
      ids[i] = (int) keys[i];
      weights[i] = Math.exp((logits[offset + ids[i]] - max) * inverse);
    }
    if (parameters.topP() < 1) {
      double mass = parameters.topK() < Integer.MAX_VALUE ? Arrays.stream(weights).sum() : total;
      double reached = 0;
      int kept = 0;
      while (kept < count && reached < parameters.topP() * mass) {
        reached += weights[kept++];
      }
      ids = Arrays.copyOf(ids, kept);
      weights = Arrays.copyOf(weights, kept);
    }
    return new Candidates(ids, weights);
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
