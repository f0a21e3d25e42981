package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorLoads.halves;
import static dev.gemmaspark.engine.internal.kernel.VectorLoads.signedBytes;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.F;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;
import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;
import static dev.gemmaspark.engine.internal.tensor.PanelFormat.SLICE_COLUMNS;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Signed bytes with one scale for 32 columns. */
final class Q8_0Kernel extends TypeKernel {
  @Override
  void decode(MemorySegment packed, long block, int slice, KernelScratch scratch, int to) {
    scales(packed, block, scratch.scales);
    for (int row = 0; row < PANEL_ROWS; row += LANES) {
      decode(packed, block + 2 * PANEL_ROWS + row, scratch.scales, row, scratch.weights, to + row);
    }
  }

  private static void scales(MemorySegment packed, long block, float[] scales) {
    for (int row = 0; row < PANEL_ROWS; row += LANES) {
      halves(packed, block + 2 * row).intoArray(scales, row);
    }
  }

  /** Decodes 32 columns of some rows, from {@code row} on. */
  static void decode(MemorySegment packed, long at, float[] scales, int row, float[] weights, int to) {
    FloatVector scale = FloatVector.fromArray(F, scales, row);
    for (long i = 0; i < SLICE_COLUMNS; i++) {
      signedBytes(packed, at).mul(scale).intoArray(weights, to);
      at += PANEL_ROWS;
      to += PANEL_ROWS;
    }
  }

  @Override
  void multiplySlice(MemorySegment packed, long block, int slice, float[] x, int xAt, KernelScratch scratch, int yAt) {
    scales(packed, block, scratch.scales);
    for (int row = 0; row < PANEL_ROWS; row += 4 * LANES) {
      multiply(packed, block + 2 * PANEL_ROWS + row, scratch.scales, row, x, xAt, scratch.products, yAt + row);
    }
  }

  /** Adds the part of 32 columns of some rows, from {@code row} on, to their products. */
  static void multiply(
      MemorySegment packed, long at, float[] scales, int row, float[] x, int xAt, float[] y, int yAt) {
    FloatVector d0 = FloatVector.fromArray(F, scales, row);
    FloatVector d1 = FloatVector.fromArray(F, scales, row + LANES);
    FloatVector d2 = FloatVector.fromArray(F, scales, row + 2 * LANES);
    FloatVector d3 = FloatVector.fromArray(F, scales, row + 3 * LANES);
    FloatVector s0 = FloatVector.fromArray(F, y, yAt);
    FloatVector s1 = FloatVector.fromArray(F, y, yAt + LANES);
    FloatVector s2 = FloatVector.fromArray(F, y, yAt + 2 * LANES);
    FloatVector s3 = FloatVector.fromArray(F, y, yAt + 3 * LANES);
    for (long i = 0; i < SLICE_COLUMNS; i++) {
      FloatVector value = FloatVector.broadcast(F, x[xAt]);
      s0 = value.fma(signedBytes(packed, at).mul(d0), s0);
      s1 = value.fma(signedBytes(packed, at + LANES).mul(d1), s1);
      s2 = value.fma(signedBytes(packed, at + 2 * LANES).mul(d2), s2);
      s3 = value.fma(signedBytes(packed, at + 3 * LANES).mul(d3), s3);
      at += PANEL_ROWS;
      xAt++;
    }
    s0.intoArray(y, yAt);
    s1.intoArray(y, yAt + LANES);
    s2.intoArray(y, yAt + 2 * LANES);
    s3.intoArray(y, yAt + 3 * LANES);
  }
}
