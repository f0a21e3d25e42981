package dev.gemmaspark.engine.internal.model;

import dev.gemmaspark.engine.internal.weights.Rope;

/**
 * Cosines and sines of every position's angles: {@code position * theta^(-2 i / headDim)} for the pair (i, i + headDim / 2) of a
 * head (https://arxiv.org/abs/2104.09864, in the arrangement of GPT-NeoX), where no scaling changes the frequencies.
 */
final class RotaryEmbedding {
  private final int pairs;
  final float[] cosines;
  final float[] sines;

  /**
   * Floats of the tables.
   *
   * @throws ArithmeticException if one of them would be too long for an array
   */
  static long floats(int headDim, int contextLength) {
    return 2L * Math.multiplyExact(contextLength, headDim / 2);
  }

  RotaryEmbedding(int headDim, Rope rope, int contextLength) {
    pairs = headDim / 2;
    cosines = new float[contextLength * pairs];
    sines = new float[contextLength * pairs];
    double magnitude = rope.scaling() instanceof Rope.Yarn yarn ? yarn.magnitude() : 1;
    for (int i = 0; i < pairs; i++) {
      double frequency = frequency(rope, i, headDim);
      for (int position = 0; position < contextLength; position++) {
        cosines[position * pairs + i] = (float) (StrictMath.cos(position * frequency) * magnitude);
        sines[position * pairs + i] = (float) (StrictMath.sin(position * frequency) * magnitude);
      }
    }
  }

  private static double frequency(Rope rope, int pair, int headDim) {
    double trained = StrictMath.pow(rope.theta(), -2.0 * pair / headDim);
    return switch (rope.scaling()) {
      case Rope.Linear(float factor) -> trained / factor;
      case Rope.Yarn yarn -> {
        double low = Math.max(0, Math.floor(pairOfTurns(yarn.betaFast(), rope.theta(), yarn, headDim)));
        double high = Math.min(headDim - 1, Math.ceil(pairOfTurns(yarn.betaSlow(), rope.theta(), yarn, headDim)));
        // two equal borders are a step
        double ramp = Math.clamp((pair - low) / (high == low ? 0.001 : high - low), 0, 1);
        yield trained / yarn.factor() * ramp + trained * (1 - ramp);
      }
    };
  }

  /** Which pair, in fractions, turns so often in a text of the original length. */
  private static double pairOfTurns(double turns, double theta, Rope.Yarn yarn, int headDim) {
    return headDim * StrictMath.log(yarn.originalContext() / (turns * 2 * Math.PI)) / (2 * StrictMath.log(theta));
  }

  /** Where a position's angles start. */
  int angle(int position) {
    return position * pairs;
  }
}
