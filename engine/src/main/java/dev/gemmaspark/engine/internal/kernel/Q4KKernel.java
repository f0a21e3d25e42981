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

/** Nibbles with a scale and a minimum of six bits each for 32 columns, multiples of two numbers for 256. */
final class Q4KKernel extends TypeKernel {
  static final Q4KKernel INSTANCE = new Q4KKernel();
  private static final int HEADER_BYTES = 4 * PANEL_ROWS;
  private static final int SLICE_BYTES = 2 * PANEL_ROWS + NIBBLE_BYTES;
  private static final int SLICES = 8;

  @Override
  void unpack(
      PanelFormat format, MemorySegment packed, long block, int slice, DecodedPanel panel, int slot) {
    long from = block + HEADER_BYTES + (long) slice * SLICE_BYTES;
    for (int row = 0; row < PANEL_ROWS; row += LANES) {
      scale(packed, block, from, row).intoArray(panel.scales, slot * PANEL_ROWS + row);
      offset(packed, block, from, row).intoArray(panel.offsets, slot * PANEL_ROWS + row);
    }
    Q4_0Kernel.unpackNibbles(packed, from + 2 * PANEL_ROWS, panel.q, slot * SLICE_COLUMNS * PANEL_ROWS);
  }

  private static FloatVector scale(MemorySegment packed, long block, long from, int row) {
    return halves(packed, block + 2L * row).mul(toFloats(unsignedBytes(packed, from + row)));
  }

  private static FloatVector offset(MemorySegment packed, long block, long from, int row) {
    FloatVector dmin = halves(packed, block + 2L * (PANEL_ROWS + row));
    return dmin.mul(toFloats(unsignedBytes(packed, from + PANEL_ROWS + row))).neg();
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
    for (int slice = 0; slice < slices; slice++) {
      long block = matrix.blockOffset(panel, slice / SLICES);
      long from = block + HEADER_BYTES + (long) (slice % SLICES) * SLICE_BYTES;
      FloatVector s0 = FloatVector.zero(F);
      FloatVector s1 = FloatVector.zero(F);
      FloatVector s2 = FloatVector.zero(F);
      FloatVector s3 = FloatVector.zero(F);
      long at = from + 2 * PANEL_ROWS + lane;
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
      y0 = sum.fma(offset(packed, block, from, lane), s0.fma(scale(packed, block, from, lane), y0));
      y1 = sum.fma(offset(packed, block, from, lane + LANES), s1.fma(scale(packed, block, from, lane + LANES), y1));
      y2 = sum.fma(offset(packed, block, from, lane + 2 * LANES), s2.fma(scale(packed, block, from, lane + 2 * LANES), y2));
      y3 = sum.fma(offset(packed, block, from, lane + 3 * LANES), s3.fma(scale(packed, block, from, lane + 3 * LANES), y3));
    }
    y0.intoArray(y, lane);
    y1.intoArray(y, lane + LANES);
    y2.intoArray(y, lane + 2 * LANES);
    y3.intoArray(y, lane + 3 * LANES);
  }
}
