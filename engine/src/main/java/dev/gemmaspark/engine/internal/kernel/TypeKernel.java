package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;
import static dev.gemmaspark.engine.internal.tensor.PanelFormat.SLICE_COLUMNS;

import dev.gemmaspark.engine.internal.tensor.DecodedPanel;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import java.lang.foreign.MemorySegment;

/**
 * What is particular to one weight type: taking a slice of a packed panel apart, and multiplying a panel with a single row of
 * activations without a scratch between. One class a type keeps each compilation short: C2 stops inlining vector operations after 8000
 * bytecodes, and what it does not inline it makes objects of.
 */
abstract sealed class TypeKernel permits Q8_0Kernel, Q4_0Kernel, Q4KKernel, Q6KKernel, FloatKernel {
  /** Bytes of a slice of nibbles, two columns in a byte. */
  static final int NIBBLE_BYTES = SLICE_COLUMNS / 2 * PANEL_ROWS;

  /** The kernels of a format. */
  static TypeKernel of(PanelFormat format) {
    return switch (format.type()) {
      case Q8_0 -> Q8_0Kernel.INSTANCE;
      case Q4_0 -> Q4_0Kernel.INSTANCE;
      case Q4_K -> Q4KKernel.INSTANCE;
      case Q6_K -> Q6KKernel.INSTANCE;
      case F32, F16, BF16 -> FloatKernel.INSTANCE;
      default -> throw new IllegalStateException(format.type() + " has no vector kernels");
    };
  }

  /** As {@link PanelFormat#unpack}, to the same bits. */
  abstract void unpack(
      PanelFormat format, MemorySegment packed, long block, int slice, DecodedPanel panel, int slot);

  /**
   * One panel times one row of activations, with the sums of {@link Kernels#multiplyPanel}.
   *
   * @return false, and nothing done, where unpacking first is better
   */
  boolean multiplyRow(PackedMatrix matrix, int panel, Activations x, float[] y) {
    return false;
  }
}
