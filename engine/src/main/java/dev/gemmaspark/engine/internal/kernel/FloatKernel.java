package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorLoads.floats;
import static dev.gemmaspark.engine.internal.kernel.VectorLoads.upperHalves;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.F;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;
import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;
import static dev.gemmaspark.engine.internal.tensor.PanelFormat.SLICE_COLUMNS;

import dev.gemmaspark.engine.internal.tensor.DecodedPanel;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/** Plain numbers, whose scale is one. */
final class FloatKernel extends TypeKernel {
  static final FloatKernel INSTANCE = new FloatKernel();
  private static final int SLICE_WEIGHTS = SLICE_COLUMNS * PANEL_ROWS;
  private static final ValueLayout.OfShort HALF =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  @Override
  void unpack(
      PanelFormat format, MemorySegment packed, long block, int slice, DecodedPanel panel, int slot) {
    int to = slot * SLICE_WEIGHTS;
    Arrays.fill(panel.scales, slot * PANEL_ROWS, (slot + 1) * PANEL_ROWS, 1f);
    Arrays.fill(panel.offsets, slot * PANEL_ROWS, (slot + 1) * PANEL_ROWS, 0f);
    switch (format.type()) {
      case F32 -> unpackFloats(packed, block, panel.q, to);
      case BF16 -> unpackUpperHalves(packed, block, panel.q, to);
      default -> unpackHalves(packed, block, panel, to);
    }
  }

  private static void unpackFloats(MemorySegment packed, long from, float[] q, int to) {
    for (int i = 0; i < SLICE_WEIGHTS; i += LANES) {
      floats(packed, from + 4L * i).intoArray(q, to + i);
    }
  }

  private static void unpackUpperHalves(MemorySegment packed, long from, float[] q, int to) {
    for (int i = 0; i < SLICE_WEIGHTS; i += LANES) {
      upperHalves(packed, from + 2L * i).intoArray(q, to + i);
    }
  }

  /** C2 makes the machine's own conversion of this loop, which the Vector API does not have. */
  private static void unpackHalves(MemorySegment packed, long from, DecodedPanel panel, int to) {
    short[] halves = panel.halves;
    float[] q = panel.q;
    MemorySegment.copy(packed, HALF, from, halves, 0, SLICE_WEIGHTS);
    for (int i = 0; i < SLICE_WEIGHTS; i++) {
      q[to + i] = Float.float16ToFloat(halves[i]);
    }
  }

  /** Half precision is converted by a loop of its own, so it needs the scratch. */
  @Override
  boolean multiplyRow(PackedMatrix matrix, int panel, Activations x, float[] y) {
    if (matrix.format().type() == TensorType.F16) {
      return false;
    }
    for (int lane = 0; lane < PANEL_ROWS; lane += 4 * LANES) {
      if (matrix.format().type() == TensorType.F32) {
        multiplyFloats(matrix, panel, lane, x.values, y);
      } else {
        multiplyUpperHalves(matrix, panel, lane, x.values, y);
      }
    }
    return true;
  }

  private static void multiplyFloats(PackedMatrix matrix, int panel, int lane, float[] values, float[] y) {
    MemorySegment packed = matrix.data();
    int slices = matrix.slices();
    FloatVector y0 = FloatVector.zero(F);
    FloatVector y1 = FloatVector.zero(F);
    FloatVector y2 = FloatVector.zero(F);
    FloatVector y3 = FloatVector.zero(F);
    long at = matrix.blockOffset(panel, 0) + 4 * lane;
    int k = 0;
    for (int slice = 0; slice < slices; slice++) {
      FloatVector s0 = FloatVector.zero(F);
      FloatVector s1 = FloatVector.zero(F);
      FloatVector s2 = FloatVector.zero(F);
      FloatVector s3 = FloatVector.zero(F);
      for (long i = 0; i < SLICE_COLUMNS; i++) {
        FloatVector value = FloatVector.broadcast(F, values[k]);
        s0 = value.fma(floats(packed, at), s0);
        s1 = value.fma(floats(packed, at + 4 * LANES), s1);
        s2 = value.fma(floats(packed, at + 8 * LANES), s2);
        s3 = value.fma(floats(packed, at + 12 * LANES), s3);
        at += 4 * PANEL_ROWS;
        k++;
      }
      y0 = y0.add(s0);
      y1 = y1.add(s1);
      y2 = y2.add(s2);
      y3 = y3.add(s3);
    }
    y0.intoArray(y, lane);
    y1.intoArray(y, lane + LANES);
    y2.intoArray(y, lane + 2 * LANES);
    y3.intoArray(y, lane + 3 * LANES);
  }

  private static void multiplyUpperHalves(PackedMatrix matrix, int panel, int lane, float[] values, float[] y) {
    MemorySegment packed = matrix.data();
    int slices = matrix.slices();
    FloatVector y0 = FloatVector.zero(F);
    FloatVector y1 = FloatVector.zero(F);
    FloatVector y2 = FloatVector.zero(F);
    FloatVector y3 = FloatVector.zero(F);
    long at = matrix.blockOffset(panel, 0) + 2 * lane;
    int k = 0;
    for (int slice = 0; slice < slices; slice++) {
      FloatVector s0 = FloatVector.zero(F);
      FloatVector s1 = FloatVector.zero(F);
      FloatVector s2 = FloatVector.zero(F);
      FloatVector s3 = FloatVector.zero(F);
      for (long i = 0; i < SLICE_COLUMNS; i++) {
        FloatVector value = FloatVector.broadcast(F, values[k]);
        s0 = value.fma(upperHalves(packed, at), s0);
        s1 = value.fma(upperHalves(packed, at + 2 * LANES), s1);
        s2 = value.fma(upperHalves(packed, at + 4 * LANES), s2);
        s3 = value.fma(upperHalves(packed, at + 6 * LANES), s3);
        at += 2 * PANEL_ROWS;
        k++;
      }
      y0 = y0.add(s0);
      y1 = y1.add(s1);
      y2 = y2.add(s2);
      y3 = y3.add(s3);
    }
    y0.intoArray(y, lane);
    y1.intoArray(y, lane + LANES);
    y2.intoArray(y, lane + 2 * LANES);
    y3.intoArray(y, lane + 3 * LANES);
  }
}
