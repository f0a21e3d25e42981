package dev.gemmaspark.engine.internal.kernel;

/**
 * exp and its kin in single precision, by the method of Cephes' expf: 2^n times a polynomial of the rest. The JDK's own differ
 * between machines and between scalar and vector code.
 */
final class ScalarMath {
  /** Below this the result stays what it is here, far under any sum that it is added to. */
  static final float EXP_MIN = -87f;

  static final float EXP_MAX = 88f;
  static final float LOG2_E = 1.44269504f;

  /** 1.5 * 2^23: added to a small number, its low mantissa bits are that number rounded to an integer. */
  static final float ROUND = 12582912f;

  static final float LN2_HIGH = 0.693359375f;
  static final float LN2_LOW = -2.12194440e-4f;
  static final float C0 = 1.9875691500e-4f;
  static final float C1 = 1.3981999507e-3f;
  static final float C2 = 8.3334519073e-3f;
  static final float C3 = 4.1665795894e-2f;
  static final float C4 = 1.6666665459e-1f;
  static final float C5 = 5.0000001201e-1f;

  static final float SQRT_2_OVER_PI = 0.7978845608f;
  static final float GELU_CUBIC = 0.044715f;

  private ScalarMath() {}

  static float exp(float x) {
    float clamped = Math.min(Math.max(x, EXP_MIN), EXP_MAX);
    float rounded = Math.fma(clamped, LOG2_E, ROUND);
    float n = rounded - ROUND;
    float r = Math.fma(n, -LN2_LOW, Math.fma(n, -LN2_HIGH, clamped));
    float p = Math.fma(C0, r, C1);
    p = Math.fma(p, r, C2);
    p = Math.fma(p, r, C3);
    p = Math.fma(p, r, C4);
    p = Math.fma(p, r, C5);
    p = Math.fma(p, r * r, r) + 1f;
    return p * Float.intBitsToFloat((Float.floatToRawIntBits(rounded) << 23) + 0x3F800000);
  }

  static float tanh(float x) {
    float t = exp(-2f * Math.abs(x));
    float magnitude = (1f - t) / (1f + t);
    return x < 0 ? -magnitude : magnitude;
  }

  /** {@code 0.5 x (1 + tanh(u)) = x / (1 + exp(-2u))} with {@code u = sqrt(2 / pi) (x + 0.044715 x^3)}. */
  static float gelu(float x) {
    float u = SQRT_2_OVER_PI * Math.fma(GELU_CUBIC * x, x * x, x);
    return x / (1f + exp(-2f * u));
  }
}
