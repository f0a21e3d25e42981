package dev.gemmaspark.engine.internal.kernel;

import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import java.lang.foreign.MemorySegment;

/**
 * What is particular to one weight type: decoding a slice of a packed panel, and multiplying it with a single row of activations on the
 * way. One class a type keeps each compilation short: C2 stops inlining vector operations after 8000 bytecodes, and what it does not inline
 * it makes objects of.
 */
abstract sealed class TypeKernel permits Q8_0Kernel, Q4_0Kernel, Q4KKernel, Q6KKernel, FloatKernel {
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

  /** As {@link PanelFormat#decode} into {@code scratch.weights} from {@code to} on, and to the same bits. */
  abstract void decode(PanelFormat format, MemorySegment packed, long block, int slice, KernelScratch scratch, int to);

  /**
   * Adds a slice's part to the products of one row of activations.
   *
   * @param x the row
   * @param xAt its first element that meets the slice
   * @param scratch has the products
   * @param yAt the panel's first product
   */
  abstract void multiplySlice(
      PanelFormat format, MemorySegment packed, long block, int slice, float[] x, int xAt, KernelScratch scratch, int yAt);
}
