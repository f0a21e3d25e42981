package dev.gemmaspark.engine.internal.quantization;

import dev.gemmaspark.engine.internal.tensor.TensorType;
import java.lang.foreign.MemorySegment;

/**
 * Makes blocks of one weight type, in the layout of model files. The scales are those that fit best of some that are tried, by the sum of
 * squared differences. Not thread-safe.
 */
public abstract class Quantizer {
  private final TensorType type;

  Quantizer(TensorType type) {
    this.type = type;
  }

  /** A quantizer to this type. */
  public static Quantizer to(TensorType type) {
    return switch (type) {
      case F32, F16, BF16 -> new FloatQuantizer(type);
      case Q8_0, Q4_0, Q5_0, IQ4_NL -> new ScaleQuantizer(type);
      case Q4_1, Q5_1 -> new LineQuantizer(type);
      case Q3_K, Q6_K, IQ4_XS -> new SuperScaleQuantizer(type);
      case Q2_K, Q4_K, Q5_K -> new SuperLineQuantizer(type);
    };
  }

  final TensorType type() {
    return type;
  }

  /**
   * Makes one block. Where a weight does not fit, or is no finite number, a number of the block is not finite.
   *
   * @param x has the weights from {@code at} on
   * @param out gets {@code type().blockBytes()} bytes from {@code offset} on
   */
  public abstract void quantize(float[] x, int at, MemorySegment out, long offset);
}
