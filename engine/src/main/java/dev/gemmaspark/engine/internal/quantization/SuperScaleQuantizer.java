package dev.gemmaspark.engine.internal.quantization;

import dev.gemmaspark.engine.internal.tensor.Bytes;
import dev.gemmaspark.engine.internal.tensor.NonLinear;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import java.lang.foreign.MemorySegment;

/** Super-blocks of 256 whose groups have a signed whole number as scale, a multiple of one number in half precision. */
final class SuperScaleQuantizer extends Quantizer {
  private static final int SUPER_BLOCK = 256;
  private final int group;
  private final int lowestScale;
  private final ScaleFit fit;
  private final float[] scales;
  private final int[] wholeScales;
  private final int[] numbers = new int[SUPER_BLOCK];

  SuperScaleQuantizer(TensorType type) {
    super(type);
    this.group = type == TensorType.IQ4_XS ? 32 : 16;
    this.lowestScale = type == TensorType.Q6_K ? -128 : -32;
    this.fit =
        switch (type) {
          case Q3_K -> ScaleFit.whole(-4, 3);
          case Q6_K -> ScaleFit.whole(-32, 31);
          default -> ScaleFit.nonLinear();
        };
    this.scales = new float[SUPER_BLOCK / group];
    this.wholeScales = new int[SUPER_BLOCK / group];
  }

  @Override
  public void quantize(float[] x, int at, MemorySegment out, long offset) {
    for (int i = 0; i < scales.length; i++) {
      scales[i] = fit.scale(x, at + i * group, group);
    }
    short half = Float.floatToFloat16(ScaleFit.extreme(scales, 0, scales.length) / lowestScale);
    float d = Float.float16ToFloat(half);
    for (int i = 0; i < scales.length; i++) {
      wholeScales[i] = d == 0 ? 0 : Math.clamp(Math.round(scales[i] / d), lowestScale, -lowestScale - 1);
      float scale = d * wholeScales[i];
      for (int k = i * group; k < (i + 1) * group; k++) {
        float scaled = scale == 0 ? 0 : x[at + k] / scale;
        numbers[k] = type() == TensorType.IQ4_XS ? NonLinear.nearest(scaled) : fit.round(scaled);
      }
    }
    switch (type()) {
      case Q3_K -> SuperBlockNumbers.putQ3K(half, wholeScales, numbers, out, offset);
      case Q6_K -> SuperBlockNumbers.putQ6K(half, wholeScales, numbers, out, offset);
      default -> SuperBlockNumbers.putIq4Xs(half, wholeScales, numbers, out, offset);
    }
  }
}
