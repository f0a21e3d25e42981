package dev.gemmaspark.engine.internal.quantization;

import dev.gemmaspark.engine.internal.tensor.Bytes;
import dev.gemmaspark.engine.internal.tensor.NonLinear;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import java.lang.foreign.MemorySegment;

/** Blocks of 32 with one scale in half precision. */
final class ScaleQuantizer extends Quantizer {
  private static final int BLOCK = 32;
  private final ScaleFit fit;
  private final int[] numbers = new int[BLOCK];

  ScaleQuantizer(TensorType type) {
    super(type);
    this.fit =
        switch (type) {
          case Q8_0 -> ScaleFit.whole(-127, 127);
          case Q5_0 -> ScaleFit.whole(-16, 15);
          case Q4_0 -> ScaleFit.whole(-8, 7);
          default -> ScaleFit.nonLinear();
        };
  }

  @Override
  public void quantize(float[] x, int at, MemorySegment out, long offset) {
    short half = Float.floatToFloat16(fit.scale(x, at, BLOCK));
    float scale = Float.float16ToFloat(half);
    Bytes.putBits16(out, offset, half);
    for (int i = 0; i < BLOCK; i++) {
      float scaled = scale == 0 ? 0 : x[at + i] / scale;
      numbers[i] =
          switch (type()) {
            case Q5_0 -> fit.round(scaled) + 16;
            case Q4_0 -> fit.round(scaled) + 8;
            case IQ4_NL -> NonLinear.nearest(scaled);
            default -> fit.round(scaled);
          };
    }
    switch (type()) {
      case Q8_0 -> {
        for (int i = 0; i < BLOCK; i++) {
          Bytes.putByte(out, offset + 2 + i, numbers[i]);
        }
      }
      case Q5_0 -> BlockNumbers.putFiveBits(numbers, out, offset + 2);
      default -> BlockNumbers.putNibbles(numbers, out, offset + 2);
    }
  }
}
