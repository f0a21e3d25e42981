package dev.gemmaspark.engine.internal.tensor;

import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;
import static dev.gemmaspark.engine.internal.tensor.PanelFormat.SLICE_COLUMNS;

import java.lang.foreign.MemorySegment;

/** A slice of packed nibbles: byte i of a row holds column 2i (low nibble) and column 2i + 1 (high). */
final class Nibbles {
  static final int SLICE_BYTES = SLICE_COLUMNS / 2 * PANEL_ROWS;

  private Nibbles() {}

  /** Decodes one row of a slice. */
  static void decode(MemorySegment packed, long offset, float scale, float minimum, float[] weights, int to) {
    for (int pair = 0; pair < SLICE_COLUMNS / 2; pair++) {
      int value = Bytes.unsignedByte(packed, offset + (long) pair * PANEL_ROWS);
      weights[to + 2 * pair * PANEL_ROWS] = Math.fma(value & 15, scale, minimum);
      weights[to + (2 * pair + 1) * PANEL_ROWS] = Math.fma(value >>> 4, scale, minimum);
    }
  }
}
