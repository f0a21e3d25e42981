package dev.gemmaspark.engine.internal.tensor;

import java.lang.foreign.MemorySegment;

/** A matrix whose rows can be had in the layout of model files: rows one after the other, each a whole number of the type's blocks. */
public interface WeightRows extends Matrix {
  /**
   * Some of the rows. Safe for use by many threads.
   *
   * @return {@code type().bytes(count * columns())} bytes, little endian; not to be written
   */
  MemorySegment rows(int first, int count);
}
