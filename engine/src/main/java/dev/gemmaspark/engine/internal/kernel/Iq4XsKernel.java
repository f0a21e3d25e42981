package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;
import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;
import static dev.gemmaspark.engine.internal.tensor.PanelFormat.SLICE_COLUMNS;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Signed bytes as in {@link Q8_0Kernel}, with a scale in single precision for 32 columns of a super-block. */
final class Iq4XsKernel extends TypeKernel {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int SCALE_BYTES = 4 * PANEL_ROWS;
  private static final int SLICE_BYTES = SCALE_BYTES + SLICE_COLUMNS * PANEL_ROWS;

  @Override
  void decode(MemorySegment packed, long block, int slice, KernelScratch scratch, int to) {
    long from = block + (long) slice * SLICE_BYTES;
    MemorySegment.copy(packed, FLOAT, from, scratch.scales, 0, PANEL_ROWS);
    for (int row = 0; row < PANEL_ROWS; row += LANES) {
      Q8_0Kernel.decode(packed, from + SCALE_BYTES + row, scratch.scales, row, scratch.weights, to + row);
    }
  }

  @Override
  void multiplySlice(MemorySegment packed, long block, int slice, float[] x, int xAt, KernelScratch scratch, int yAt) {
    long from = block + (long) slice * SLICE_BYTES;
    MemorySegment.copy(packed, FLOAT, from, scratch.scales, 0, PANEL_ROWS);
    for (int row = 0; row < PANEL_ROWS; row += 4 * LANES) {
      Q8_0Kernel.multiply(packed, from + SCALE_BYTES + row, scratch.scales, row, x, xAt, scratch.products, yAt + row);
    }
  }
}
