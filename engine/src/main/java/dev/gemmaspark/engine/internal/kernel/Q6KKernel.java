package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorLoads.halves;
import static dev.gemmaspark.engine.internal.kernel.VectorLoads.signedBytes;
import static dev.gemmaspark.engine.internal.kernel.VectorLoads.toFloats;
import static dev.gemmaspark.engine.internal.kernel.VectorLoads.unsignedBytes;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;
import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;
import static dev.gemmaspark.engine.internal.tensor.PanelFormat.SLICE_COLUMNS;

import dev.gemmaspark.engine.internal.tensor.DecodedPanel;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Six bits with a signed scale for 16 columns, a multiple of one number for 256, and the offset -32 of it. */
final class Q6KKernel extends TypeKernel {
  static final Q6KKernel INSTANCE = new Q6KKernel();
  private static final int HEADER_BYTES = 2 * PANEL_ROWS;
  private static final int SLICE_BYTES = 2 * PANEL_ROWS + NIBBLE_BYTES * 3 / 2;
  private static final int SLICES = 8;

  @Override
  void unpack(
      PanelFormat format, MemorySegment packed, long block, int slice, DecodedPanel panel, int slot) {
    long from = block + HEADER_BYTES + (long) slice * SLICE_BYTES;
    for (int group = 0; group < 2; group++) {
      int to = (2 * slot + group) * PANEL_ROWS;
      for (int row = 0; row < PANEL_ROWS; row += LANES) {
        FloatVector scale = scale(packed, block, from + group * PANEL_ROWS, row);
        scale.intoArray(panel.scales, to + row);
        scale.mul(-32f).intoArray(panel.offsets, to + row);
      }
    }
    unpackSixBits(packed, from + 2 * PANEL_ROWS, panel.q, slot * SLICE_COLUMNS * PANEL_ROWS);
  }

  private static FloatVector scale(MemorySegment packed, long block, long scales, int row) {
    return halves(packed, block + 2L * row).mul(signedBytes(packed, scales + row));
  }

  private static void unpackSixBits(MemorySegment packed, long from, float[] q, int to) {
    for (int four = 0; four < SLICE_COLUMNS / 4; four++) {
      long low = from + (long) 2 * four * PANEL_ROWS;
      long high = from + NIBBLE_BYTES + (long) four * PANEL_ROWS;
      int at = to + 4 * four * PANEL_ROWS;
      for (int row = 0; row < PANEL_ROWS; row += LANES) {
        IntVector h = unsignedBytes(packed, high + row);
        IntVector a = unsignedBytes(packed, low + row);
        sixBits(a.and(15), h.lanewise(VectorOperators.LSHL, 4)).intoArray(q, at + row);
        sixBits(a.lanewise(VectorOperators.LSHR, 4), h.lanewise(VectorOperators.LSHL, 2))
            .intoArray(q, at + PANEL_ROWS + row);
        IntVector b = unsignedBytes(packed, low + PANEL_ROWS + row);
        sixBits(b.and(15), h).intoArray(q, at + 2 * PANEL_ROWS + row);
        sixBits(b.lanewise(VectorOperators.LSHR, 4), h.lanewise(VectorOperators.LSHR, 2))
            .intoArray(q, at + 3 * PANEL_ROWS + row);
      }
    }
  }

  /** Low four bits and, where bits 4 and 5 of {@code high} are, the upper two. */
  private static FloatVector sixBits(IntVector low, IntVector high) {
    return toFloats(high.and(0x30).or(low));
  }
}
