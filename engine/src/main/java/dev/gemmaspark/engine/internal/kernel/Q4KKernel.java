package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorLoads.floats;
import static dev.gemmaspark.engine.internal.kernel.VectorLoads.toFloats;
import static dev.gemmaspark.engine.internal.kernel.VectorLoads.unsignedBytes;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;
import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;
import static dev.gemmaspark.engine.internal.tensor.PanelFormat.SLICE_COLUMNS;

import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Nibbles with a scale and a minimum of six bits each for 32 columns, multiples of two numbers for 256. */
final class Q4KKernel extends TypeKernel {
  static final Q4KKernel INSTANCE = new Q4KKernel();
  private static final int HEADER_BYTES = 8 * PANEL_ROWS;
  private static final int SLICE_BYTES = 2 * PANEL_ROWS + SLICE_COLUMNS / 2 * PANEL_ROWS;

  @Override
  void decode(PanelFormat format, MemorySegment packed, long block, int slice, KernelScratch scratch, int to) {
    long from = block + HEADER_BYTES + (long) slice * SLICE_BYTES;
    scales(packed, block, from, scratch);
    NibbleKernel.decode(packed, from + 2 * PANEL_ROWS, scratch, to);
  }

  @Override
  void multiplySlice(
      PanelFormat format, MemorySegment packed, long block, int slice, float[] x, int xAt, KernelScratch scratch, int yAt) {
    long from = block + HEADER_BYTES + (long) slice * SLICE_BYTES;
    scales(packed, block, from, scratch);
    NibbleKernel.multiply(packed, from + 2 * PANEL_ROWS, x, xAt, scratch, yAt);
  }

  private static void scales(MemorySegment packed, long block, long from, KernelScratch scratch) {
    for (int row = 0; row < PANEL_ROWS; row += LANES) {
      FloatVector scale = toFloats(unsignedBytes(packed, from + row));
      scale.mul(floats(packed, block + 4L * row)).intoArray(scratch.scales, row);
      FloatVector minimum = toFloats(unsignedBytes(packed, from + PANEL_ROWS + row));
      minimum.mul(floats(packed, block + 4L * (PANEL_ROWS + row))).neg().intoArray(scratch.offsets, row);
    }
  }
}
