package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorLoads.floats;
import static dev.gemmaspark.engine.internal.kernel.VectorLoads.signedBytes;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;
import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;

import dev.gemmaspark.engine.internal.tensor.SuperBlockFormat;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Super-blocks of 256 columns, whose groups have small integers as scales and perhaps as minima. */
final class SuperBlockKernel extends TypeKernel {
  private final SuperBlockFormat format;

  SuperBlockKernel(SuperBlockFormat format) {
    this.format = format;
  }

  @Override
  void decode(MemorySegment packed, long block, int slice, KernelScratch scratch, int to) {
    long from = block + format.headerBytes() + (long) slice * format.sliceBytes();
    int columns = format.group();
    for (int group = 0; group < format.groups(); group++) {
      scales(packed, block, from, group, scratch);
      NumberKernel.decode(
          format.numbers(), packed, from + format.scaleBytes(), group * columns, columns, scratch, to + group * columns * PANEL_ROWS);
    }
  }

  @Override
  void multiplySlice(MemorySegment packed, long block, int slice, float[] x, int xAt, KernelScratch scratch, int yAt) {
    long from = block + format.headerBytes() + (long) slice * format.sliceBytes();
    int columns = format.group();
    for (int group = 0; group < format.groups(); group++) {
      scales(packed, block, from, group, scratch);
      NumberKernel.multiply(
          format.numbers(), packed, from + format.scaleBytes(), group * columns, columns, x, xAt + group * columns, scratch, yAt);
    }
  }

  private void scales(MemorySegment packed, long block, long from, int group, KernelScratch scratch) {
    long scales = from + group * PANEL_ROWS;
    if (format.hasMinima()) {
      scalesAndMinima(packed, block, scales, scales + format.groups() * PANEL_ROWS, scratch);
    } else {
      scalesAndZeros(packed, block, scales, -format.zero(), scratch);
    }
  }

  private static void scalesAndZeros(MemorySegment packed, long block, long scales, float zero, KernelScratch scratch) {
    for (int row = 0; row < PANEL_ROWS; row += LANES) {
      FloatVector scale = floats(packed, block + 4L * row).mul(signedBytes(packed, scales + row));
      scale.intoArray(scratch.scales, row);
      scale.mul(zero).intoArray(scratch.offsets, row);
    }
  }

  private static void scalesAndMinima(MemorySegment packed, long block, long scales, long minima, KernelScratch scratch) {
    for (int row = 0; row < PANEL_ROWS; row += LANES) {
      FloatVector scale = floats(packed, block + 4L * row);
      scale.mul(signedBytes(packed, scales + row)).intoArray(scratch.scales, row);
      FloatVector minimum = floats(packed, block + 4L * (PANEL_ROWS + row));
      minimum.mul(signedBytes(packed, minima + row)).neg().intoArray(scratch.offsets, row);
    }
  }
}
