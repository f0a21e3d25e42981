package dev.gemmaspark.engine.internal.weights;

/**
 * Which tensor of a model.
 *
 * @param role what it is
 * @param layer of which layer, or 0
 */
public record TensorName(TensorRole role, int layer) {
  String gguf() {
    return role.gguf(layer);
  }
}
