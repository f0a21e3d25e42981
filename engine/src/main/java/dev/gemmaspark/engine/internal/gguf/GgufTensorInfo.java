package dev.gemmaspark.engine.internal.gguf;

import dev.gemmaspark.engine.internal.tensor.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * One tensor of a GGUF file, inside the file and of exactly the size that its shape asks for.
 *
 * @param name unique in the file
 * @param shape one to four sizes, the row width first; all positive
 * @param type how the weights are stored; its block size divides the row width
 * @param data the tensor's bytes
 */
public record GgufTensorInfo(String name, long[] shape, TensorType type, MemorySegment data) {

  /** The shape as people write it, outputs first. */
  public String shapeText() {
    StringBuilder text = new StringBuilder();
    for (int i = shape.length - 1; i >= 0; i--) {
      text.append(shape[i]).append(i > 0 ? " x " : "");
    }
    return text.toString();
  }

  /** Whether it has these sizes, the row width first; trailing ones are no sizes. */
  public boolean hasShape(long... expected) {
    int rank = shape.length;
    while (rank > expected.length && shape[rank - 1] == 1) {
      rank--;
    }
    return Arrays.equals(shape, 0, rank, expected, 0, expected.length);
  }
}
