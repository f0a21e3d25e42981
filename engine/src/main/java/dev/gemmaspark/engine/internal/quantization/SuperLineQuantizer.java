package dev.gemmaspark.engine.internal.quantization;

import dev.gemmaspark.engine.internal.tensor.TensorType;
import java.lang.foreign.MemorySegment;

/** Super-blocks of 256 whose groups have whole numbers as scale and minimum, multiples of two numbers in half precision. */
final class SuperLineQuantizer extends Quantizer {
  private static final int SUPER_BLOCK = 256;
  private final int group;
  private final int highestScale;
  private final LineFit fit;
  private final float[] scales;
  private final float[] minima;
  private final int[] wholeScales;
  private final int[] wholeMinima;
  private final int[] numbers = new int[SUPER_BLOCK];

  SuperLineQuantizer(TensorType type) {
    super(type);
    this.group = type == TensorType.Q2_K ? 16 : 32;
    this.highestScale = type == TensorType.Q2_K ? 15 : 63;
    this.fit =
        switch (type) {
          case Q2_K -> new LineFit(3, false);
          case Q4_K -> new LineFit(15, false);
          default -> new LineFit(31, false);
        };
    int groups = SUPER_BLOCK / group;
    this.scales = new float[groups];
    this.minima = new float[groups];
    this.wholeScales = new int[groups];
    this.wholeMinima = new int[groups];
  }

  @Override
  public void quantize(float[] x, int at, MemorySegment out, long offset) {
    float mostScale = 0;
    float mostMinimum = 0;
    for (int i = 0; i < scales.length; i++) {
      fit.fit(x, at + i * group, group);
      scales[i] = fit.scale();
      minima[i] = -fit.minimum();
      mostScale = Math.max(mostScale, scales[i]);
      mostMinimum = Math.max(mostMinimum, minima[i]);
    }
    short halfD = Float.floatToFloat16(mostScale / highestScale);
    short halfDmin = Float.floatToFloat16(mostMinimum / highestScale);
    float d = Float.float16ToFloat(halfD);
    float dmin = Float.float16ToFloat(halfDmin);
    for (int i = 0; i < scales.length; i++) {
      wholeScales[i] = d == 0 ? 0 : Math.clamp(Math.round(scales[i] / d), 0, highestScale);
      wholeMinima[i] = dmin == 0 ? 0 : Math.clamp(Math.round(minima[i] / dmin), 0, highestScale);
      float scale = d * wholeScales[i];
      float minimum = dmin * wholeMinima[i];
      for (int k = i * group; k < (i + 1) * group; k++) {
        numbers[k] = scale == 0 ? 0 : fit.round((x[at + k] + minimum) / scale);
      }
    }
    switch (type()) {
      case Q2_K -> SuperBlockNumbers.putQ2K(halfD, halfDmin, wholeScales, wholeMinima, numbers, out, offset);
      case Q4_K -> SuperBlockNumbers.putQ4K(halfD, halfDmin, wholeScales, wholeMinima, numbers, out, offset);
      default -> SuperBlockNumbers.putQ5K(halfD, halfDmin, wholeScales, wholeMinima, numbers, out, offset);
    }
  }
}
