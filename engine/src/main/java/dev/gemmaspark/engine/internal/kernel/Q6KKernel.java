package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorLoads.floats;
import static dev.gemmaspark.engine.internal.kernel.VectorLoads.signedBytes;
import static dev.gemmaspark.engine.internal.kernel.VectorLoads.toFloats;
import static dev.gemmaspark.engine.internal.kernel.VectorLoads.unsignedBytes;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.F;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;
import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;
import static dev.gemmaspark.engine.internal.tensor.PanelFormat.SLICE_COLUMNS;

import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Six bits with a signed scale for 16 columns, a multiple of one number for 256, and the offset -32 of it. */
final class Q6KKernel extends TypeKernel {
  static final Q6KKernel INSTANCE = new Q6KKernel();
  private static final int GROUP = 16;
  private static final int HEADER_BYTES = 4 * PANEL_ROWS;
  private static final int NIBBLE_BYTES = SLICE_COLUMNS / 2 * PANEL_ROWS;
  private static final int SLICE_BYTES = 2 * PANEL_ROWS + NIBBLE_BYTES * 3 / 2;

  @Override
  void decode(PanelFormat format, MemorySegment packed, long block, int slice, KernelScratch scratch, int to) {
    long from = block + HEADER_BYTES + (long) slice * SLICE_BYTES;
    for (int group = 0; group < SLICE_COLUMNS / GROUP; group++) {
      scales(packed, block, from + group * PANEL_ROWS, scratch);
      for (int row = 0; row < PANEL_ROWS; row += LANES) {
        decode(packed, low(from, group) + row, high(from, group) + row, scratch, row, to + group * GROUP * PANEL_ROWS + row);
      }
    }
  }

  private static long low(long from, int group) {
    return from + (2L + group * GROUP / 2) * PANEL_ROWS;
  }

  private static long high(long from, int group) {
    return from + NIBBLE_BYTES + (2L + group * GROUP / 4) * PANEL_ROWS;
  }

  private static void scales(MemorySegment packed, long block, long scales, KernelScratch scratch) {
    for (int row = 0; row < PANEL_ROWS; row += LANES) {
      FloatVector scale = floats(packed, block + 4L * row).mul(signedBytes(packed, scales + row));
      scale.intoArray(scratch.scales, row);
      scale.mul(-32f).intoArray(scratch.offsets, row);
    }
  }

  private static void decode(MemorySegment packed, long low, long high, KernelScratch scratch, int row, int to) {
    float[] weights = scratch.weights;
    FloatVector scale = FloatVector.fromArray(F, scratch.scales, row);
    FloatVector offset = FloatVector.fromArray(F, scratch.offsets, row);
    for (long i = 0; i < GROUP; i += 4) {
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

  @Override
  void multiplySlice(
      PanelFormat format, MemorySegment packed, long block, int slice, float[] x, int xAt, KernelScratch scratch, int yAt) {
    long from = block + HEADER_BYTES + (long) slice * SLICE_BYTES;
    for (int group = 0; group < SLICE_COLUMNS / GROUP; group++) {
      scales(packed, block, from + group * PANEL_ROWS, scratch);
      multiply(packed, low(from, group), high(from, group), x, xAt + group * GROUP, scratch, yAt);
    }
  }

  /** One method with both loops, too long to be inlined, and one vector a turn, as C2 wants it: see {@link NibbleKernel#multiply}. */
  private static void multiply(
      MemorySegment packed, long low, long high, float[] x, int xAt, KernelScratch scratch, int yAt) {
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
      for (long i = 0; i < GROUP; i += 4) {
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
