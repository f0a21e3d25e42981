package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorLoads.floats;
import static dev.gemmaspark.engine.internal.kernel.VectorLoads.upperHalves;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.F;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;
import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;
import static dev.gemmaspark.engine.internal.tensor.PanelFormat.SLICE_COLUMNS;

import dev.gemmaspark.engine.internal.tensor.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

/** Plain numbers. */
final class FloatKernel extends TypeKernel {
  private static final int SLICE_WEIGHTS = SLICE_COLUMNS * PANEL_ROWS;
  private static final ValueLayout.OfShort HALF =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final TensorType type;

  FloatKernel(TensorType type) {
    this.type = type;
  }

  @Override
  void decode(MemorySegment packed, long block, int slice, KernelScratch scratch, int to) {
    switch (type) {
      case F32 -> decodeFloats(packed, block, scratch.weights, to);
      case BF16 -> decodeUpperHalves(packed, block, scratch.weights, to);
      default -> decodeHalves(packed, block, scratch.halves, scratch.weights, to);
    }
  }

  private static void decodeFloats(MemorySegment packed, long from, float[] weights, int to) {
    for (int i = 0; i < SLICE_WEIGHTS; i += LANES) {
      floats(packed, from + 4L * i).intoArray(weights, to + i);
    }
  }

  private static void decodeUpperHalves(MemorySegment packed, long from, float[] weights, int to) {
    for (int i = 0; i < SLICE_WEIGHTS; i += LANES) {
      upperHalves(packed, from + 2L * i).intoArray(weights, to + i);
    }
  }

  /** C2 makes the machine's own conversion of this loop, which the Vector API does not have. */
  private static void decodeHalves(MemorySegment packed, long from, short[] halves, float[] weights, int to) {
    MemorySegment.copy(packed, HALF, from, halves, 0, SLICE_WEIGHTS);
    for (int i = 0; i < SLICE_WEIGHTS; i++) {
      weights[to + i] = Float.float16ToFloat(halves[i]);
    }
  }

  @Override
  void multiplySlice(MemorySegment packed, long block, int slice, float[] x, int xAt, KernelScratch scratch, int yAt) {
    if (type == TensorType.F16) {
      decodeHalves(packed, block, scratch.halves, scratch.weights, 0);
    }
    for (int lane = 0; lane < PANEL_ROWS; lane += 4 * LANES) {
      switch (type) {
        case F32 -> multiplyFloats(packed, block + 4 * lane, x, xAt, scratch.products, yAt + lane);
        case BF16 -> multiplyUpperHalves(packed, block + 2 * lane, x, xAt, scratch.products, yAt + lane);
        default -> ProductKernel.tile1x4(scratch.weights, lane, SLICE_COLUMNS, x, xAt, scratch.products, yAt + lane);
      }
    }
  }

  private static void multiplyFloats(MemorySegment packed, long at, float[] x, int xAt, float[] y, int yAt) {
    FloatVector s0 = FloatVector.fromArray(F, y, yAt);
    FloatVector s1 = FloatVector.fromArray(F, y, yAt + LANES);
    FloatVector s2 = FloatVector.fromArray(F, y, yAt + 2 * LANES);
    FloatVector s3 = FloatVector.fromArray(F, y, yAt + 3 * LANES);
    for (long i = 0; i < SLICE_COLUMNS; i++) {
      FloatVector value = FloatVector.broadcast(F, x[xAt]);
      s0 = value.fma(floats(packed, at), s0);
      s1 = value.fma(floats(packed, at + 4 * LANES), s1);
      s2 = value.fma(floats(packed, at + 8 * LANES), s2);
      s3 = value.fma(floats(packed, at + 12 * LANES), s3);
      at += 4 * PANEL_ROWS;
      xAt++;
    }
    s0.intoArray(y, yAt);
    s1.intoArray(y, yAt + LANES);
    s2.intoArray(y, yAt + 2 * LANES);
    s3.intoArray(y, yAt + 3 * LANES);
  }

  private static void multiplyUpperHalves(MemorySegment packed, long at, float[] x, int xAt, float[] y, int yAt) {
    FloatVector s0 = FloatVector.fromArray(F, y, yAt);
    FloatVector s1 = FloatVector.fromArray(F, y, yAt + LANES);
    FloatVector s2 = FloatVector.fromArray(F, y, yAt + 2 * LANES);
    FloatVector s3 = FloatVector.fromArray(F, y, yAt + 3 * LANES);
    for (long i = 0; i < SLICE_COLUMNS; i++) {
      FloatVector value = FloatVector.broadcast(F, x[xAt]);
      s0 = value.fma(upperHalves(packed, at), s0);
      s1 = value.fma(upperHalves(packed, at + 2 * LANES), s1);
      s2 = value.fma(upperHalves(packed, at + 4 * LANES), s2);
      s3 = value.fma(upperHalves(packed, at + 6 * LANES), s3);
      at += 2 * PANEL_ROWS;
      xAt++;
    }
    s0.intoArray(y, yAt);
    s1.intoArray(y, yAt + LANES);
    s2.intoArray(y, yAt + 2 * LANES);
    s3.intoArray(y, yAt + 3 * LANES);
  }
}
