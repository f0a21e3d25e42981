package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorLoads.halves;
import static dev.gemmaspark.engine.internal.kernel.VectorLoads.signedBytes;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.F;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;
import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;
import static dev.gemmaspark.engine.internal.tensor.PanelFormat.SLICE_COLUMNS;

import dev.gemmaspark.engine.internal.tensor.DecodedPanel;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/** Signed bytes with one scale for 32 columns. */
final class Q8_0Kernel extends TypeKernel {
  static final Q8_0Kernel INSTANCE = new Q8_0Kernel();

  @Override
  void unpack(
      PanelFormat format, MemorySegment packed, long block, int slice, DecodedPanel panel, int slot) {
    int to = slot * SLICE_COLUMNS * PANEL_ROWS;
    Arrays.fill(panel.offsets, slot * PANEL_ROWS, (slot + 1) * PANEL_ROWS, 0f);
    for (int row = 0; row < PANEL_ROWS; row += LANES) {
      halves(packed, block + 2 * row).intoArray(panel.scales, slot * PANEL_ROWS + row);
    }
    long from = block + 2 * PANEL_ROWS;
    for (int i = 0; i < SLICE_COLUMNS * PANEL_ROWS; i += LANES) {
      signedBytes(packed, from + i).intoArray(panel.q, to + i);
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
        s0 = even.fma(signedBytes(packed, at), s0);
        s1 = even.fma(signedBytes(packed, at + LANES), s1);
        s2 = even.fma(signedBytes(packed, at + 2 * LANES), s2);
        s3 = even.fma(signedBytes(packed, at + 3 * LANES), s3);
        FloatVector odd = FloatVector.broadcast(F, values[k + 1]);
        s0 = odd.fma(signedBytes(packed, at + PANEL_ROWS), s0);
        s1 = odd.fma(signedBytes(packed, at + PANEL_ROWS + LANES), s1);
        s2 = odd.fma(signedBytes(packed, at + PANEL_ROWS + 2 * LANES), s2);
        s3 = odd.fma(signedBytes(packed, at + PANEL_ROWS + 3 * LANES), s3);
        at += 2 * PANEL_ROWS;
        k += 2;
      }
      y0 = s0.fma(halves(packed, block + 2 * lane), y0);
      y1 = s1.fma(halves(packed, block + 2 * lane + 2 * LANES), y1);
      y2 = s2.fma(halves(packed, block + 2 * lane + 4 * LANES), y2);
      y3 = s3.fma(halves(packed, block + 2 * lane + 6 * LANES), y3);
      block += matrix.format().blockBytes();
    }
    y0.intoArray(y, lane);
    y1.intoArray(y, lane + LANES);
    y2.intoArray(y, lane + 2 * LANES);
    y3.intoArray(y, lane + 3 * LANES);
  }
}
