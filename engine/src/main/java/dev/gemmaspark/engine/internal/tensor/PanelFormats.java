package dev.gemmaspark.engine.internal.tensor;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** The format of each weight type. */
public final class PanelFormats {
  private static final Map<TensorType, PanelFormat> FORMATS = new EnumMap<>(TensorType.class);

  static {
    List.of(
            new F32Format(),
            new F16Format(),
            new Bf16Format(),
            new Q8_0Format(),
            new BlockFormat.Q4_0(),
            new BlockFormat.Q4_1(),
            new BlockFormat.Q5_0(),
            new BlockFormat.Q5_1(),
            new Q2KFormat(),
            new Q3KFormat(),
            new Q4KFormat(),
            new Q5KFormat(),
            new Q6KFormat(),
            new Iq4NlFormat(),
            new Iq4XsFormat())
        .forEach(format -> FORMATS.put(format.type(), format));
  }

  private PanelFormats() {}

  public static PanelFormat of(TensorType type) {
    return FORMATS.get(type);
  }
}
