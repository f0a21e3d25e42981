package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.internal.tensor.WeightMatrix;
import dev.gemmaspark.engine.internal.tokenizer.Vocabulary;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A model as its file has it, checked: every matrix has the shape that the configuration asks for.
 *
 * @param config sizes and constants
 * @param vocabulary as many pieces as the embedding has rows
 * @param chatTemplate the template text that came with the model
 * @param embedding vocabulary x hidden size; the output head too
 * @param layers in order
 * @param outputNorm hidden size
 */
public record ModelWeights(
    ModelConfig config,
    Vocabulary vocabulary,
    Optional<String> chatTemplate,
    WeightMatrix embedding,
    List<LayerWeights> layers,
    float[] outputNorm) {
  public ModelWeights {
    layers = List.copyOf(layers);
  }

  /** The embedding, then every layer's matrices. */
  public List<WeightMatrix> matrices() {
    List<WeightMatrix> matrices = new ArrayList<>();
    matrices.add(embedding);
    layers.forEach(layer -> matrices.addAll(layer.matrices()));
    return matrices;
  }

  /** All weights, the embedding counted once. */
  public long parameters() {
    long count = (long) embedding.rows() * embedding.columns() + outputNorm.length;
    for (LayerWeights layer : layers) {
      count += layer.parameters();
    }
    return count;
  }
}
