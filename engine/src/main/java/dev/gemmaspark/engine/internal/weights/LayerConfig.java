package dev.gemmaspark.engine.internal.weights;

import java.util.ArrayList;
import java.util.List;

/**
 * What of a model's configuration may differ from layer to layer.
 *
 * @param window positions that the layer sees, the query's own included, or 0 for all
 * @param rope how positions become angles
 */
public record LayerConfig(int window, Rope rope) {
  /** Whether the layer sees only the last {@link #window} positions. */
  public boolean isLocal() {
    return window > 0;
  }

  /** Gemma 2's pattern: the even layers are local. */
  public static List<LayerConfig> alternating(int layers, int window, Rope rope) {
    List<LayerConfig> configs = new ArrayList<>();
    for (int layer = 0; layer < layers; layer++) {
      configs.add(new LayerConfig(layer % 2 == 0 ? window : 0, rope));
    }
    return configs;
  }
}
