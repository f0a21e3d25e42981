package dev.gemmaspark.engine.internal.quantization;

import dev.gemmaspark.engine.internal.tensor.NonLinear;

/**
 * Fits {@code x[i] = scale * value(q[i])}, where the values are whole numbers in a range, or those of {@link NonLinear}. Scales around the one
 * that gives the largest weight the end of the range are tried; each is replaced by the best for the numbers that it leads to, by least
 * squares.
 */
final class ScaleFit {
  private static final int TRIES = 5;
  private static final float STEP = 0.02f;

  private final int lowest;
  private final int highest;
  private final boolean nonLinear;

  private ScaleFit(int lowest, int highest, boolean nonLinear) {
    this.lowest = lowest;
    this.highest = highest;
    this.nonLinear = nonLinear;
  }

  static ScaleFit whole(int lowest, int highest) {
    return new ScaleFit(lowest, highest, false);
  }

  static ScaleFit nonLinear() {
    return new ScaleFit(NonLinear.value(0), NonLinear.value(15), true);
  }

  /** The value that a scaled weight is rounded to. */
  int round(float scaled) {
    return nonLinear ? NonLinear.value(NonLinear.nearest(scaled)) : Math.clamp(Math.round(scaled), lowest, highest);
  }

  /** The number that is farthest from zero; not a finite one if any is not. */
  static float extreme(float[] x, int at, int length) {
    float extreme = 0;
    for (int i = at; i < at + length; i++) {
      if (!Float.isFinite(x[i])) {
        return x[i];
      }
      if (Math.abs(x[i]) > Math.abs(extreme)) {
        extreme = x[i];
      }
    }
    return extreme;
  }

  /** The best scale of {@code length} weights from {@code at} on; 0 if all are 0. */
  float scale(float[] x, int at, int length) {
    float extreme = extreme(x, at, length);
    if (extreme == 0 || !Float.isFinite(extreme)) {
      return extreme;
    }
    float best = 0;
    double bestGain = -1;
    for (int i = -TRIES; i <= TRIES; i++) {
      float inverse = lowest * (1 + STEP * i) / extreme;
      double product = 0;
      double square = 0;
      for (int k = at; k < at + length; k++) {
        double value = round(x[k] * inverse);
        product += x[k] * value;
        square += value * value;
      }
      // by so much is the sum of squared differences less than with a scale of 0
      double gain = square > 0 ? product * product / square : 0;
      if (gain > bestGain) {
        bestGain = gain;
        best = square > 0 ? (float) (product / square) : 0;
      }
    }
    return best;
  }
}
