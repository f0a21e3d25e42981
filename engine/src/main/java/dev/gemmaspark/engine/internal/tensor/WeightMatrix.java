package dev.gemmaspark.engine.internal.tensor;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * A matrix of weights as a model file has it: {@code rows} outputs of {@code columns} inputs each, rows one after the other,
 * each row a whole number of the type's blocks. Immutable; whoever mapped the file owns the memory.
 *
 * @param name as in the file, for messages
 * @param type how the weights are stored
 * @param rows outputs
 * @param columns inputs, a multiple of the type's block size
 * @param data exactly {@code type.bytes(rows * columns)} bytes, little endian
 */
public record WeightMatrix(
    String name, TensorType type, int rows, int columns, MemorySegment data) implements WeightRows {
  public WeightMatrix {
    Objects.requireNonNull(name, "name");
    long expected = Math.multiplyExact((long) rows, rowBytes(type, columns));
    if (rows <= 0 || columns <= 0 || columns % type.blockSize() != 0 || data.byteSize() != expected) {
      throw new IllegalStateException(
          name + ": " + rows + " x " + columns + " " + type + " in " + data.byteSize() + " bytes");
    }
  }

  /** Some of the rows, as a matrix. */
  public WeightMatrix part(int first, int count) {
    return new WeightMatrix(name, type, count, columns, rows(first, count));
  }

  @Override
  public MemorySegment rows(int first, int count) {
    return data.asSlice(first * rowBytes(), count * rowBytes());
  }

  /** Bytes of one row. */
  public long rowBytes() {
    return rowBytes(type, columns);
  }

  private static long rowBytes(TensorType type, int columns) {
    return type.bytes(columns);
  }
}
