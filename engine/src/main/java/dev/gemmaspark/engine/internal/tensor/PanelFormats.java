package dev.gemmaspark.engine.internal.tensor;

import java.util.List;
import java.util.Optional;

/** The weight types that the kernels can multiply with. */
public final class PanelFormats {
  private static final List<PanelFormat> ALL =
      List.of(
          new F32Format(),
          new F16Format(),
          new Bf16Format(),
          new Q8_0Format(),
          new Q4_0Format(),
          new Q4KFormat(),
          new Q6KFormat());

  private PanelFormats() {}

  /** The format of a type, if there are kernels for it. */
  public static Optional<PanelFormat> of(TensorType type) {
    return ALL.stream().filter(format -> format.type() == type).findFirst();
  }

  /** The types that have a format. */
  public static List<TensorType> supportedTypes() {
    return ALL.stream().map(PanelFormat::type).toList();
  }
}
