package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorLoads.halves;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;
import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;
import static dev.gemmaspark.engine.internal.tensor.PanelFormat.SLICE_COLUMNS;

import dev.gemmaspark.engine.internal.tensor.BlockFormat;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Blocks of 32 columns, with a scale and perhaps a minimum in half precision. */
final class BlockKernel extends TypeKernel {
  private final BlockFormat format;

  BlockKernel(BlockFormat format) {
    this.format = format;
  }

  @Override
  void decode(MemorySegment packed, long block, int slice, KernelScratch scratch, int to) {
    scales(packed, block, scratch);
    NumberKernel.decode(format.numbers(), packed, block + format.headerBytes(), 0, SLICE_COLUMNS, scratch, to);
  }

  @Override
  void multiplySlice(MemorySegment packed, long block, int slice, float[] x, int xAt, KernelScratch scratch, int yAt) {
    scales(packed, block, scratch);
    NumberKernel.multiply(format.numbers(), packed, block + format.headerBytes(), 0, SLICE_COLUMNS, x, xAt, scratch, yAt);
  }

  private void scales(MemorySegment packed, long block, KernelScratch scratch) {
    if (format.hasMinima()) {
      scalesAndMinima(packed, block, scratch);
    } else {
      scalesAndZeros(packed, block, -format.zero(), scratch);
    }
  }

  private static void scalesAndZeros(MemorySegment packed, long block, float zero, KernelScratch scratch) {
    for (int row = 0; row < PANEL_ROWS; row += LANES) {
      FloatVector scale = halves(packed, block + 2 * row);
      scale.intoArray(scratch.scales, row);
      scale.mul(zero).intoArray(scratch.offsets, row);
    }
  }

  private static void scalesAndMinima(MemorySegment packed, long block, KernelScratch scratch) {
    for (int row = 0; row < PANEL_ROWS; row += LANES) {
      halves(packed, block + 2 * row).intoArray(scratch.scales, row);
      halves(packed, block + 2 * (PANEL_ROWS + row)).intoArray(scratch.offsets, row);
    }
  }
}
