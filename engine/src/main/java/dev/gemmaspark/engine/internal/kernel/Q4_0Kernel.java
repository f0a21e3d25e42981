package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorLoads.halves;
import static dev.gemmaspark.engine.internal.kernel.VectorLoads.toFloats;
import static dev.gemmaspark.engine.internal.kernel.VectorLoads.unsignedBytes;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.F;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;
import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;
import static dev.gemmaspark.engine.internal.tensor.PanelFormat.SLICE_COLUMNS;

import dev.gemmaspark.engine.internal.tensor.DecodedPanel;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Nibbles with one scale for 32 columns, and the offset -8 of it. */
final class Q4_0Kernel extends TypeKernel {
  static final Q4_0Kernel INSTANCE = new Q4_0Kernel();

  @Override
  void unpack(
      PanelFormat format, MemorySegment packed, long block, int slice, DecodedPanel panel, int slot) {
    for (int row = 0; row < PANEL_ROWS; row += LANES) {
      FloatVector scale = halves(packed, block + 2 * row);
      scale.intoArray(panel.scales, slot * PANEL_ROWS + row);
      scale.mul(-8f).intoArray(panel.offsets, slot * PANEL_ROWS + row);
    }
    unpackNibbles(packed, block + 2 * PANEL_ROWS, panel.q, slot * SLICE_COLUMNS * PANEL_ROWS);
  }

  /** A slice of nibbles: byte i of a row holds columns 2i and 2i + 1. */
  static void unpackNibbles(MemorySegment packed, long from, float[] q, int to) {
    for (int pair = 0; pair < SLICE_COLUMNS / 2; pair++) {
      long at = from + (long) pair * PANEL_ROWS;
      int even = to + 2 * pair * PANEL_ROWS;
      for (int row = 0; row < PANEL_ROWS; row += LANES) {
        IntVector both = unsignedBytes(packed, at + row);
        toFloats(both.and(15)).intoArray(q, even + row);
        toFloats(both.lanewise(VectorOperators.LSHR, 4)).intoArray(q, even + PANEL_ROWS + row);
      }
    }
  }

  @Override
  boolean multiplyRow(PackedMatrix matrix, int panel, Activations x, float[] y) {
    for (int lane = 0; lane < PANEL_ROWS; lane += 4 * LANES) {
      multiplyRow(matrix, panel, lane, x, y);
    }
    return true;
  }

  private static void multiplyRow(PackedMatrix matrix, int panel, int lane, Activations x, float[] y) {
    MemorySegment packed = matrix.data();
    float[] values = x.values;
    int slices = matrix.slices();
    FloatVector y0 = FloatVector.zero(F);
    FloatVector y1 = FloatVector.zero(F);
    FloatVector y2 = FloatVector.zero(F);
    FloatVector y3 = FloatVector.zero(F);
    long block = matrix.blockOffset(panel, 0);
    for (int slice = 0; slice < slices; slice++) {
      FloatVector s0 = FloatVector.zero(F);
      FloatVector s1 = FloatVector.zero(F);
      FloatVector s2 = FloatVector.zero(F);
      FloatVector s3 = FloatVector.zero(F);
      long at = block + 2 * PANEL_ROWS + lane;
      int k = slice * SLICE_COLUMNS;
      for (long i = 0; i < SLICE_COLUMNS; i += 2) {
        FloatVector even = FloatVector.broadcast(F, values[k]);
        FloatVector odd = FloatVector.broadcast(F, values[k + 1]);
        IntVector b0 = unsignedBytes(packed, at);
        s0 = even.fma(toFloats(b0.and(15)), s0);
        s0 = odd.fma(toFloats(b0.lanewise(VectorOperators.LSHR, 4)), s0);
        IntVector b1 = unsignedBytes(packed, at + LANES);
        s1 = even.fma(toFloats(b1.and(15)), s1);
        s1 = odd.fma(toFloats(b1.lanewise(VectorOperators.LSHR, 4)), s1);
        IntVector b2 = unsignedBytes(packed, at + 2 * LANES);
        s2 = even.fma(toFloats(b2.and(15)), s2);
        s2 = odd.fma(toFloats(b2.lanewise(VectorOperators.LSHR, 4)), s2);
        IntVector b3 = unsignedBytes(packed, at + 3 * LANES);
        s3 = even.fma(toFloats(b3.and(15)), s3);
        s3 = odd.fma(toFloats(b3.lanewise(VectorOperators.LSHR, 4)), s3);
        at += PANEL_ROWS;
        k += 2;
      }
      FloatVector sum = FloatVector.broadcast(F, x.sums32[slice]);
      FloatVector d0 = halves(packed, block + 2 * lane);
      y0 = sum.fma(d0.mul(-8f), s0.fma(d0, y0));
      FloatVector d1 = halves(packed, block + 2 * lane + 2 * LANES);
      y1 = sum.fma(d1.mul(-8f), s1.fma(d1, y1));
      FloatVector d2 = halves(packed, block + 2 * lane + 4 * LANES);
      y2 = sum.fma(d2.mul(-8f), s2.fma(d2, y2));
      FloatVector d3 = halves(packed, block + 2 * lane + 6 * LANES);
      y3 = sum.fma(d3.mul(-8f), s3.fma(d3, y3));
      block += matrix.format().blockBytes();
    }
    y0.intoArray(y, lane);
    y1.intoArray(y, lane + LANES);
    y2.intoArray(y, lane + 2 * LANES);
    y3.intoArray(y, lane + 3 * LANES);
  }
}
