package dev.gemmaspark.engine.internal.tensor;

/**
 * The sixteen numbers that IQ4_NL and IQ4_XS choose among, denser where weights are more frequent: kvalues_iq4nl in ggml-common.h of
 * https://github.com/ggml-org/ggml.
 */
public final class NonLinear {
  private static final byte[] VALUES = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

  private NonLinear() {}

  /** The number that these four bits stand for. */
  public static int value(int bits) {
    return VALUES[bits];
  }

  /** The bits whose number is nearest. */
  public static int nearest(float number) {
    int bits = 0;
    while (bits < 15 && number > (VALUES[bits] + VALUES[bits + 1]) / 2f) {
      bits++;
    }
    return bits;
  }
}
