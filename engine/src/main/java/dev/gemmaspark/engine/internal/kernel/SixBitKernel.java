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

/** Columns of six bits, the low four and the high two apart ({@code PackedNumbers}); every row has one scale and one offset for them. */
final class SixBitKernel {
  private SixBitKernel() {}

  /**
   * Decodes some columns.
   *
   * @param low the first byte with low bits
   * @param high the first byte with high bits
   * @param columns how many, a multiple of four
   * @param scratch has the scales and the offsets of the rows, and gets the weights from {@code to} on
   */
  static void decode(MemorySegment packed, long low, long high, long columns, KernelScratch scratch, int to) {
    for (int row = 0; row < PANEL_ROWS; row += LANES) {
      decodeRows(packed, low + row, high + row, columns, scratch, row, to + row);
    }
  }

  private static void decodeRows(
      MemorySegment packed, long low, long high, long columns, KernelScratch scratch, int row, int to) {
    float[] weights = scratch.weights;
    FloatVector scale = FloatVector.fromArray(F, scratch.scales, row);
    FloatVector offset = FloatVector.fromArray(F, scratch.offsets, row);
    for (long i = 0; i < columns; i += 4) {
      IntVector h = unsignedBytes(packed, high);
      IntVector a = unsignedBytes(packed, low);
      IntVector b = unsignedBytes(packed, low + PANEL_ROWS);
      scale.fma(first(a, h), offset).intoArray(weights, to);
      scale.fma(second(a, h), offset).intoArray(weights, to + PANEL_ROWS);
      scale.fma(third(b, h), offset).intoArray(weights, to + 2 * PANEL_ROWS);
      scale.fma(fourth(b, h), offset).intoArray(weights, to + 3 * PANEL_ROWS);
      low += 2 * PANEL_ROWS;
      high += PANEL_ROWS;
      to += 4 * PANEL_ROWS;
    }
  }

  /**
   * Adds some columns' part to the products of one row of activations. One method with both loops, too long to be inlined, and one vector
   * a turn, as C2 wants it: see {@link NibbleKernel#multiply}.
   *
   * @param low the first byte with low bits
   * @param high the first byte with high bits
   * @param columns how many, a multiple of four
   * @param scratch has the scales, the offsets and the products
   */
  static void multiply(
      MemorySegment packed, long low, long high, long columns, float[] x, int xAt, KernelScratch scratch, int yAt) {
    float[] scales = scratch.scales;
    float[] offsets = scratch.offsets;
    float[] y = scratch.products;
    for (int row = 0; row < PANEL_ROWS; row += LANES) {
      FloatVector scale = FloatVector.fromArray(F, scales, row);
      FloatVector offset = FloatVector.fromArray(F, offsets, row);
      FloatVector sum = FloatVector.fromArray(F, y, yAt + row);
      long lowAt = low + row;
      long highAt = high + row;
      int k = xAt;
      for (long i = 0; i < columns; i += 4) {
        IntVector h = unsignedBytes(packed, highAt);
        IntVector a = unsignedBytes(packed, lowAt);
        IntVector b = unsignedBytes(packed, lowAt + PANEL_ROWS);
        IntVector h0 = h.lanewise(VectorOperators.LSHL, 4).and(0x30);
        sum = FloatVector.broadcast(F, x[k]).fma(scale.fma(toFloats(a.and(15).or(h0)), offset), sum);
        IntVector h1 = h.lanewise(VectorOperators.LSHL, 2).and(0x30);
        sum = FloatVector.broadcast(F, x[k + 1]).fma(scale.fma(toFloats(a.lanewise(VectorOperators.LSHR, 4).or(h1)), offset), sum);
        sum = FloatVector.broadcast(F, x[k + 2]).fma(scale.fma(toFloats(b.and(15).or(h.and(0x30))), offset), sum);
        IntVector h3 = h.lanewise(VectorOperators.LSHR, 2).and(0x30);
        sum = FloatVector.broadcast(F, x[k + 3]).fma(scale.fma(toFloats(b.lanewise(VectorOperators.LSHR, 4).or(h3)), offset), sum);
        lowAt += 2 * PANEL_ROWS;
        highAt += PANEL_ROWS;
        k += 4;
      }
      sum.intoArray(y, yAt + row);
    }
  }

  private static FloatVector first(IntVector low, IntVector high) {
    return sixBits(low.and(15), high.lanewise(VectorOperators.LSHL, 4));
  }

  private static FloatVector second(IntVector low, IntVector high) {
    return sixBits(low.lanewise(VectorOperators.LSHR, 4), high.lanewise(VectorOperators.LSHL, 2));
  }

  private static FloatVector third(IntVector low, IntVector high) {
    return sixBits(low.and(15), high);
  }

  private static FloatVector fourth(IntVector low, IntVector high) {
    return sixBits(low.lanewise(VectorOperators.LSHR, 4), high.lanewise(VectorOperators.LSHR, 2));
  }

  /** Low four bits and, where bits 4 and 5 of {@code high} are, the upper two. */
  private static FloatVector sixBits(IntVector low, IntVector high) {
    return toFloats(high.and(0x30).or(low));
  }
}
