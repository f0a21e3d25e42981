package dev.gemmaspark.engine.internal.quantization;

import dev.gemmaspark.engine.internal.tensor.Bytes;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import java.lang.foreign.MemorySegment;

/** Plain numbers, rounded to the nearest, of two equally near ones to the even. */
final class FloatQuantizer extends Quantizer {
  FloatQuantizer(TensorType type) {
    super(type);
  }

  @Override
  public void quantize(float[] x, int at, MemorySegment out, long offset) {
    switch (type()) {
      case F32 -> Bytes.putFloat32(out, offset, x[at]);
      case F16 -> Bytes.putBits16(out, offset, Float.floatToFloat16(x[at]));
      default -> Bytes.putBits16(out, offset, upperHalf(x[at]));
    }
  }

  private static short upperHalf(float value) {
    int bits = Float.floatToIntBits(value);
    if (Float.isNaN(value)) {
      return (short) (bits >>> 16);
    }
    return (short) (bits + 0x7FFF + (bits >>> 16 & 1) >>> 16);
  }
}
