package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;

import dev.gemmaspark.engine.internal.tensor.PackedNumbers;
import java.lang.foreign.MemorySegment;

/** The kernel of each kind of packed numbers, on some columns of a slice that share their scales. */
final class NumberKernel {
  private NumberKernel() {}

  /**
   * Decodes some columns.
   *
   * @param at where the slice's numbers are
   * @param first column of the slice
   * @param scratch has the scales and the offsets of the rows, and gets the weights from {@code to} on
   */
  static void decode(PackedNumbers numbers, MemorySegment packed, long at, int first, int columns, KernelScratch scratch, int to) {
    long low = at + first / 2 * PANEL_ROWS;
    if (numbers == PackedNumbers.NIBBLES) {
      NibbleKernel.decode(packed, low, columns, scratch, to);
    } else {
      SixBitKernel.decode(packed, low, high(at, first), columns, scratch, to);
    }
  }

  /**
   * Adds some columns' part to the products of one row of activations.
   *
   * @param at where the slice's numbers are
   * @param first column of the slice
   * @param xAt the activation that meets it
   * @param scratch has the scales, the offsets and the products
   */
  static void multiply(
      PackedNumbers numbers, MemorySegment packed, long at, int first, int columns, float[] x, int xAt, KernelScratch scratch, int yAt) {
    long low = at + first / 2 * PANEL_ROWS;
    if (numbers == PackedNumbers.NIBBLES) {
      NibbleKernel.multiply(packed, low, columns, x, xAt, scratch, yAt);
    } else {
      SixBitKernel.multiply(packed, low, high(at, first), columns, x, xAt, scratch, yAt);
    }
  }

  private static long high(long at, int first) {
    return at + PackedNumbers.NIBBLES.sliceBytes() + first / 4 * PANEL_ROWS;
  }
}
