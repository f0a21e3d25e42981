package dev.gemmaspark.engine.internal.model;

/**
 * Cosines and sines of every position's angles: {@code position * theta^(-2 i / headDim)} for the pair (i, i + headDim / 2) of a
 * head (https://arxiv.org/abs/2104.09864, in the arrangement of GPT-NeoX).
 */
final class RotaryEmbedding {
  private final int pairs;
  final float[] cosines;
  final float[] sines;

  RotaryEmbedding(int headDim, float theta, int contextLength) {
    pairs = headDim / 2;
    cosines = new float[contextLength * pairs];
    sines = new float[contextLength * pairs];
    for (int i = 0; i < pairs; i++) {
      double frequency = Math.pow(theta, -2.0 * i / headDim);
      for (int position = 0; position < contextLength; position++) {
        cosines[position * pairs + i] = (float) Math.cos(position * frequency);
        sines[position * pairs + i] = (float) Math.sin(position * frequency);
      }
    }
  }

  /** Where a position's angles start. */
  int angle(int position) {
    return position * pairs;
  }
}
