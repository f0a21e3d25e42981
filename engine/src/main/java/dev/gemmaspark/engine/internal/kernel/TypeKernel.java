package dev.gemmaspark.engine.internal.kernel;

import dev.gemmaspark.engine.internal.tensor.BlockFormat;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import dev.gemmaspark.engine.internal.tensor.PanelFormats;
import dev.gemmaspark.engine.internal.tensor.SuperBlockFormat;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Map;

/**
 * What is particular to one weight type: decoding a slice of a packed panel, and multiplying it with a single row of activations on the
 * way. Short classes keep each compilation short: C2 stops inlining vector operations after 8000 bytecodes, and what it does not inline it
 * makes objects of.
 */
abstract sealed class TypeKernel permits FloatKernel, Q8_0Kernel, Iq4XsKernel, BlockKernel, SuperBlockKernel {
  private static final Map<TensorType, TypeKernel> KERNELS = new EnumMap<>(TensorType.class);

  static {
    for (TensorType type : TensorType.values()) {
      KERNELS.put(type, create(PanelFormats.of(type)));
    }
  }

  private static TypeKernel create(PanelFormat format) {
    return switch (format) {
      case BlockFormat blocks -> new BlockKernel(blocks);
      case SuperBlockFormat blocks -> new SuperBlockKernel(blocks);
      default ->
          switch (format.type()) {
            case Q8_0, IQ4_NL -> new Q8_0Kernel();
            case IQ4_XS -> new Iq4XsKernel();
            default -> new FloatKernel(format.type());
          };
    };
  }

  /** The kernels of a format. */
  static TypeKernel of(PanelFormat format) {
    return KERNELS.get(format.type());
  }

  /** As {@link PanelFormat#decode} into {@code scratch.weights} from {@code to} on, and to the same bits. */
  abstract void decode(MemorySegment packed, long block, int slice, KernelScratch scratch, int to);

  /**
   * Adds a slice's part to the products of one row of activations.
   *
   * @param x the row
   * @param xAt its first element that meets the slice
   * @param scratch has the products
   * @param yAt the panel's first product
   */
  abstract void multiplySlice(MemorySegment packed, long block, int slice, float[] x, int xAt, KernelScratch scratch, int yAt);
}
