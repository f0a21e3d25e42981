package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorLoads.toFloats;
import static dev.gemmaspark.engine.internal.kernel.VectorLoads.unsignedBytes;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.F;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;
import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Columns of four bits, two in a byte ({@code PackedNumbers}); every row has one scale and one offset for them. */
final class NibbleKernel {
  private NibbleKernel() {}

  /**
   * Decodes some columns.
   *
   * @param at their first byte
   * @param columns how many, even
   * @param scratch has the scales and the offsets of the rows, and gets the weights from {@code to} on
   */
  static void decode(MemorySegment packed, long at, long columns, KernelScratch scratch, int to) {
    float[] scales = scratch.scales;
    float[] offsets = scratch.offsets;
    float[] weights = scratch.weights;
    for (int row = 0; row < PANEL_ROWS; row += 2 * LANES) {
      FloatVector d0 = FloatVector.fromArray(F, scales, row);
      FloatVector d1 = FloatVector.fromArray(F, scales, row + LANES);
      FloatVector o0 = FloatVector.fromArray(F, offsets, row);
      FloatVector o1 = FloatVector.fromArray(F, offsets, row + LANES);
      long from = at + row;
      int even = to + row;
      for (long i = 0; i < columns; i += 2) {
        IntVector b0 = unsignedBytes(packed, from);
        IntVector b1 = unsignedBytes(packed, from + LANES);
        d0.fma(toFloats(b0.and(15)), o0).intoArray(weights, even);
        d1.fma(toFloats(b1.and(15)), o1).intoArray(weights, even + LANES);
        d0.fma(toFloats(b0.lanewise(VectorOperators.LSHR, 4)), o0).intoArray(weights, even + PANEL_ROWS);
        d1.fma(toFloats(b1.lanewise(VectorOperators.LSHR, 4)), o1).intoArray(weights, even + PANEL_ROWS + LANES);
        from += PANEL_ROWS;
        even += 2 * PANEL_ROWS;
      }
    }
  }

  /**
   * Adds some columns' part to the products of one row of activations. One method with both loops, too long to be inlined: C2 cannot inline the
   * vector operations of a caller as well. Two vectors and two columns a turn, because more are more than it inlines here.
   *
   * @param at their first byte
   * @param columns how many, even
   * @param scratch has the scales, the offsets and the products
   */
  static void multiply(MemorySegment packed, long at, long columns, float[] x, int xAt, KernelScratch scratch, int yAt) {
    float[] scales = scratch.scales;
    float[] offsets = scratch.offsets;
    float[] y = scratch.products;
    for (int row = 0; row < PANEL_ROWS; row += 2 * LANES) {
      FloatVector d0 = FloatVector.fromArray(F, scales, row);
      FloatVector d1 = FloatVector.fromArray(F, scales, row + LANES);
      FloatVector o0 = FloatVector.fromArray(F, offsets, row);
      FloatVector o1 = FloatVector.fromArray(F, offsets, row + LANES);
      FloatVector s0 = FloatVector.fromArray(F, y, yAt + row);
      FloatVector s1 = FloatVector.fromArray(F, y, yAt + row + LANES);
      long from = at + row;
      int k = xAt;
      for (long i = 0; i < columns; i += 2) {
        FloatVector even = FloatVector.broadcast(F, x[k]);
        FloatVector odd = FloatVector.broadcast(F, x[k + 1]);
        IntVector b0 = unsignedBytes(packed, from);
        s0 = even.fma(d0.fma(toFloats(b0.and(15)), o0), s0);
        s0 = odd.fma(d0.fma(toFloats(b0.lanewise(VectorOperators.LSHR, 4)), o0), s0);
        IntVector b1 = unsignedBytes(packed, from + LANES);
        s1 = even.fma(d1.fma(toFloats(b1.and(15)), o1), s1);
        s1 = odd.fma(d1.fma(toFloats(b1.lanewise(VectorOperators.LSHR, 4)), o1), s1);
        from += PANEL_ROWS;
        k += 2;
      }
      s0.intoArray(y, yAt + row);
      s1.intoArray(y, yAt + row + LANES);
    }
  }
}
