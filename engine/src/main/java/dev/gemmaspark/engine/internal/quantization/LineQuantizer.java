package dev.gemmaspark.engine.internal.quantization;

import dev.gemmaspark.engine.internal.tensor.Bytes;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import java.lang.foreign.MemorySegment;

/** Blocks of 32 with one scale and one minimum in half precision. */
final class LineQuantizer extends Quantizer {
  private static final int BLOCK = 32;
  private final LineFit fit;
  private final int[] numbers = new int[BLOCK];

  LineQuantizer(TensorType type) {
    super(type);
    this.fit = new LineFit(type == TensorType.Q4_1 ? 15 : 31, true);
  }

  @Override
  public void quantize(float[] x, int at, MemorySegment out, long offset) {
    fit.fit(x, at, BLOCK);
    short halfScale = Float.floatToFloat16(fit.scale());
    short halfMinimum = Float.floatToFloat16(fit.minimum());
    Bytes.putBits16(out, offset, halfScale);
    Bytes.putBits16(out, offset + 2, halfMinimum);
    float scale = Float.float16ToFloat(halfScale);
    float minimum = Float.float16ToFloat(halfMinimum);
    for (int i = 0; i < BLOCK; i++) {
      numbers[i] = scale == 0 ? 0 : fit.round((x[at + i] - minimum) / scale);
    }
    if (type() == TensorType.Q4_1) {
      BlockNumbers.putNibbles(numbers, out, offset + 4);
    } else {
      BlockNumbers.putFiveBits(numbers, out, offset + 4);
    }
  }
}
