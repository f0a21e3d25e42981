package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorLoads.halves;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;
import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;

import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Nibbles with one scale for 32 columns, and the offset -8 of it. */
final class Q4_0Kernel extends TypeKernel {
  static final Q4_0Kernel INSTANCE = new Q4_0Kernel();

  @Override
  void decode(PanelFormat format, MemorySegment packed, long block, int slice, KernelScratch scratch, int to) {
    scales(packed, block, scratch);
    NibbleKernel.decode(packed, block + 2 * PANEL_ROWS, scratch, to);
  }

  @Override
  void multiplySlice(
      PanelFormat format, MemorySegment packed, long block, int slice, float[] x, int xAt, KernelScratch scratch, int yAt) {
    scales(packed, block, scratch);
    NibbleKernel.multiply(packed, block + 2 * PANEL_ROWS, x, xAt, scratch, yAt);
  }

  private static void scales(MemorySegment packed, long block, KernelScratch scratch) {
    for (int row = 0; row < PANEL_ROWS; row += LANES) {
      FloatVector scale = halves(packed, block + 2 * row);
      scale.intoArray(scratch.scales, row);
      scale.mul(-8f).intoArray(scratch.offsets, row);
    }
  }
}
