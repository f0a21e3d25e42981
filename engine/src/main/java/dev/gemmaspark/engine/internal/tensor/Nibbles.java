package dev.gemmaspark.engine.internal.tensor;

import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;
import static dev.gemmaspark.engine.internal.tensor.PanelFormat.SLICE_COLUMNS;

import java.lang.foreign.MemorySegment;

/** A slice of packed nibbles: byte i of a row holds column 2i (low nibble) and column 2i + 1 (high). */
final class Nibbles {
  static final int SLICE_BYTES = SLICE_COLUMNS / 2 * PANEL_ROWS;

  private Nibbles() {}

  static void unpack(MemorySegment packed, long offset, float[] q, int to) {
    for (int pair = 0; pair < SLICE_COLUMNS / 2; pair++) {
      for (int row = 0; row < PANEL_ROWS; row++) {
        int value = Bytes.unsignedByte(packed, offset + (long) pair * PANEL_ROWS + row);
        q[to + 2 * pair * PANEL_ROWS + row] = value & 15;
        q[to + (2 * pair + 1) * PANEL_ROWS + row] = value >>> 4;
      }
    }
  }
}
