package dev.gemmaspark.engine.internal.tensor;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * One tensor of a model file, inside the file and of exactly the size that its shape asks for.
 *
 * @param name unique in the file
 * @param shape the row width last
 * @param type how the weights are stored; its block size divides the row width
 * @param data the tensor's bytes
 */
public record StoredTensor(String name, long[] shape, TensorType type, MemorySegment data) {

  /** The shape as people write it, outputs first. */
  public String shapeText() {
    return Arrays.stream(shape).mapToObj(Long::toString).collect(Collectors.joining(" x "));
  }

  /** Whether it has these sizes; leading ones are no sizes. */
  public boolean hasShape(long... expected) {
    int first = 0;
    while (shape.length - first > expected.length && shape[first] == 1) {
      first++;
    }
    return Arrays.equals(shape, first, shape.length, expected, 0, expected.length);
  }
}
