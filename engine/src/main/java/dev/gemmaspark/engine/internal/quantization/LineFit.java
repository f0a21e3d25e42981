package dev.gemmaspark.engine.internal.quantization;

/**
 * Fits {@code x[i] = scale * q[i] + minimum} with whole numbers q from 0 to a highest one. Scales around the one that spans the weights are
 * tried; each is replaced by the best line for the numbers that it leads to, by least squares. Not thread-safe.
 */
final class LineFit {
  private static final int TRIES = 4;
  private static final float STEP = 0.03f;

  private final int highest;
  private final boolean aboveZero;
  private float scale;
  private float minimum;

  /**
   * @param aboveZero whether the minimum may be more than zero
   */
  LineFit(int highest, boolean aboveZero) {
    this.highest = highest;
    this.aboveZero = aboveZero;
  }

  float scale() {
    return scale;
  }

  float minimum() {
    return minimum;
  }

  int round(float scaled) {
    return Math.clamp(Math.round(scaled), 0, highest);
  }

  /** Fits {@code length} weights from {@code at} on. */
  void fit(float[] x, int at, int length) {
    float least = Float.POSITIVE_INFINITY;
    float most = Float.NEGATIVE_INFINITY;
    boolean finite = true;
    for (int i = at; i < at + length; i++) {
      least = Math.min(least, x[i]);
      most = Math.max(most, x[i]);
      finite &= Float.isFinite(x[i]);
    }
    if (!aboveZero) {
      least = Math.min(least, 0);
      most = Math.max(most, 0);
    }
    scale = (most - least) / highest;
    minimum = least;
    if (scale == 0 || !finite) {
      return;
    }
    float span = scale;
    double best = Double.POSITIVE_INFINITY;
    for (int i = -TRIES; i <= TRIES; i++) {
      best = tryScale(x, at, length, span * (1 + STEP * i), least, best);
    }
  }

  private double tryScale(float[] x, int at, int length, float tried, float least, double best) {
    double sumX = 0;
    double sumQ = 0;
    double sumXq = 0;
    double sumQq = 0;
    for (int i = at; i < at + length; i++) {
      int q = round((x[i] - least) / tried);
      sumX += x[i];
      sumQ += q;
      sumXq += x[i] * (double) q;
      sumQq += (double) q * q;
    }
    double determinant = length * sumQq - sumQ * sumQ;
    if (determinant <= 0) {
      return best;
    }
    double slope = (length * sumXq - sumX * sumQ) / determinant;
    double base = (sumX - slope * sumQ) / length;
    if (!aboveZero && base > 0) {
      base = 0;
      slope = sumXq / sumQq;
    }
    if (slope <= 0) {
      return best;
    }
    double error = 0;
    for (int i = at; i < at + length; i++) {
      int q = round((float) ((x[i] - base) / slope));
      double difference = x[i] - (slope * q + base);
      error += difference * difference;
    }
    if (error < best) {
      scale = (float) slope;
      minimum = (float) base;
      return error;
    }
    return best;
  }
}
