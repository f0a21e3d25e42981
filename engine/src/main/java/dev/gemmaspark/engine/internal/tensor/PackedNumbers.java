package dev.gemmaspark.engine.internal.tensor;

import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;
import static dev.gemmaspark.engine.internal.tensor.PanelFormat.SLICE_COLUMNS;

import java.lang.foreign.MemorySegment;

/** How the numbers that scales are applied to lie in a slice of a packed panel. */
public enum PackedNumbers {
  /** Up to four bits: u8[16][64 rows], byte i of a row holds column 2i (low nibble) and column 2i + 1 (high). */
  NIBBLES(SLICE_COLUMNS / 2 * PANEL_ROWS) {
    @Override
    void pack(int[] numbers, MemorySegment packed, long offset) {
      packNibbles(numbers, packed, offset);
    }

    @Override
    int number(MemorySegment packed, long offset, int column) {
      return nibble(packed, offset, column);
    }
  },
  /**
   * Five or six bits: the low four as nibbles, then u8[8][64 rows], byte i of a row with the upper two bits of columns 4i (bits 0-1) to
   * 4i + 3 (bits 6-7). Five bits are given the room of six, for the sake of one kernel.
   */
  SIX_BITS(SLICE_COLUMNS * 3 / 4 * PANEL_ROWS) {
    @Override
    void pack(int[] numbers, MemorySegment packed, long offset) {
      packNibbles(numbers, packed, offset);
      for (int i = 0; i < SLICE_COLUMNS / 4; i++) {
        int high = 0;
        for (int j = 0; j < 4; j++) {
          high |= numbers[4 * i + j] >>> 4 << 2 * j;
        }
        Bytes.putByte(packed, offset + NIBBLES.sliceBytes + (long) i * PANEL_ROWS, high);
      }
    }

    @Override
    int number(MemorySegment packed, long offset, int column) {
      int four = Bytes.unsignedByte(packed, offset + NIBBLES.sliceBytes + (long) (column / 4) * PANEL_ROWS);
      return nibble(packed, offset, column) | (four >>> 2 * (column % 4) & 3) << 4;
    }
  };

  private final int sliceBytes;

  PackedNumbers(int sliceBytes) {
    this.sliceBytes = sliceBytes;
  }

  /** Bytes of a slice. */
  public int sliceBytes() {
    return sliceBytes;
  }

  /**
   * Packs one row of a slice.
   *
   * @param numbers of its columns
   * @param offset of the slice, plus the row
   */
  abstract void pack(int[] numbers, MemorySegment packed, long offset);

  /** The number of one column; {@code offset} as above. */
  abstract int number(MemorySegment packed, long offset, int column);

  /**
   * Decodes some columns of one row of a slice.
   *
   * @param offset of the slice, plus the row
   * @param to where the slice's first weight of this row goes
   * @param stride from one weight to the next
   */
  final void decode(
      MemorySegment packed, long offset, int first, int columns, float scale, float minimum, float[] weights, int to, int stride) {
    for (int column = first; column < first + columns; column++) {
      weights[to + column * stride] = Math.fma(number(packed, offset, column), scale, minimum);
    }
  }

  private static void packNibbles(int[] numbers, MemorySegment packed, long offset) {
    for (int i = 0; i < SLICE_COLUMNS / 2; i++) {
      int pair = numbers[2 * i] & 15 | (numbers[2 * i + 1] & 15) << 4;
      Bytes.putByte(packed, offset + (long) i * PANEL_ROWS, pair);
    }
  }

  private static int nibble(MemorySegment packed, long offset, int column) {
    return Bytes.unsignedByte(packed, offset + (long) (column / 2) * PANEL_ROWS) >>> 4 * (column % 2) & 15;
  }
}
