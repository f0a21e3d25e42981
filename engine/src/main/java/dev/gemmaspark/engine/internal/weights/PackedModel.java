package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import java.util.List;

/**
 * A model, ready for the kernels.
 *
 * @param source what the model file says; rows of its embedding are looked up there
 * @param head the embedding as output head: vocabulary x hidden size
 * @param layers in order
 */
public record PackedModel(ModelWeights source, PackedMatrix head, List<PackedLayer> layers) {
  public PackedModel {
    layers = List.copyOf(layers);
  }

  public ModelConfig config() {
    return source.config();
  }
}
