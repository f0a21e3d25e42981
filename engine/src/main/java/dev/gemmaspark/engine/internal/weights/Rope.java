package dev.gemmaspark.engine.internal.weights;

/**
 * Rotary position embedding: how positions become angles.
 *
 * @param theta base of the frequencies
 * @param scaling how the frequencies are changed for texts longer than those of the first training
 * @see <a href="https://arxiv.org/abs/2104.09864">RoFormer</a>
 */
public record Rope(float theta, Scaling scaling) {
  /** As trained. */
  public static final Scaling UNSCALED = new Linear(1);

  /** Ways to change the frequencies. */
  public sealed interface Scaling {}

  /** All frequencies are divided by the factor. */
  public record Linear(float factor) implements Scaling {}

  /**
   * Frequencies that turn rarely in a text of the original length are divided by the factor, those that turn often are kept, and those between
   * are mixed.
   *
   * @param factor of the interpolation
   * @param originalContext positions of the first training
   * @param betaFast turns from which on a frequency is kept
   * @param betaSlow turns below which a frequency is divided
   * @param magnitude what the rotated pairs are multiplied with
   * @see <a href="https://arxiv.org/abs/2309.00071">YaRN</a>
   */
  public record Yarn(float factor, int originalContext, float betaFast, float betaSlow, float magnitude) implements Scaling {
    static final float BETA_FAST = 32;
    static final float BETA_SLOW = 1;

    /** The paper's. */
    static Yarn of(float factor, int originalContext) {
      return new Yarn(factor, originalContext, BETA_FAST, BETA_SLOW, magnitude(factor));
    }

    /** The paper's magnitude for a factor. */
    static float magnitude(float factor) {
      return factor <= 1 ? 1 : (float) (0.1 * StrictMath.log(factor) + 1);
    }
  }

  /** Frequencies as trained. */
  public static Rope unscaled(float theta) {
    return new Rope(theta, UNSCALED);
  }
}
