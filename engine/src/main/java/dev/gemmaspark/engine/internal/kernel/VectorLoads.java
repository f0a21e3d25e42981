package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.B;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.F;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.I;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.S;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/** Numbers of packed weights, a vector at a time, widened to 32 bits. */
final class VectorLoads {
  private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;

  private VectorLoads() {}

  static IntVector unsignedBytes(MemorySegment packed, long from) {
    return (IntVector)
        ByteVector.fromMemorySegment(B, packed, from, LITTLE).convertShape(VectorOperators.ZERO_EXTEND_B2I, I, 0);
  }

  static FloatVector signedBytes(MemorySegment packed, long from) {
    return toFloats(
        (IntVector) ByteVector.fromMemorySegment(B, packed, from, LITTLE).convertShape(VectorOperators.B2I, I, 0));
  }

  static FloatVector floats(MemorySegment packed, long from) {
    return FloatVector.fromMemorySegment(F, packed, from, LITTLE);
  }

  /** Upper halves of single precision. */
  static FloatVector upperHalves(MemorySegment packed, long from) {
    return shorts(packed, from).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
  }

  /**
   * Finite numbers of half precision; others become numbers from 65536 up. Denormal ones, common among the scales of super-blocks, go by way of an integer: as operands they
   * would cost the processor a hundred cycles each.
   */
  static FloatVector halves(MemorySegment packed, long from) {
    IntVector bits = shorts(packed, from);
    IntVector magnitude = bits.and(0x7FFF);
    FloatVector normal = magnitude.lanewise(VectorOperators.LSHL, 13).add(0x38000000).reinterpretAsFloats();
    FloatVector denormal = toFloats(magnitude).mul(0x1p-24f);
    FloatVector value = normal.blend(denormal, magnitude.lt(0x400).cast(F));
    return value.reinterpretAsInts().or(bits.and(0x80000000)).reinterpretAsFloats();
  }

  static FloatVector toFloats(IntVector numbers) {
    return (FloatVector) numbers.convertShape(VectorOperators.I2F, F, 0);
  }

  private static IntVector shorts(MemorySegment packed, long from) {
    return (IntVector)
        ShortVector.fromMemorySegment(S, packed, from, LITTLE).convertShape(VectorOperators.S2I, I, 0);
  }
}
