package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.internal.tensor.Matrix;
import dev.gemmaspark.engine.internal.tokenizer.Vocabulary;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A model, checked: every matrix has the shape that the configuration asks for.
 *
 * @param config sizes and constants
 * @param vocabulary as many pieces as the embedding has rows
 * @param chatTemplate the template text that came with the model
 * @param stopTokens the ids that end a completion
 * @param embedding vocabulary x hidden size; the output head too, where there is no other
 * @param head vocabulary x hidden size: the output head, where it is a matrix of its own
 * @param layers in order
 * @param outputNorm hidden size
 * @param <M> the layout of the matrices: as the files have them, or packed for the kernels
 */
public record ModelWeights<M extends Matrix>(
    ModelConfig config,
    Vocabulary vocabulary,
    Optional<String> chatTemplate,
    Set<Integer> stopTokens,
    M embedding,
    Optional<M> head,
    List<LayerWeights<M>> layers,
    float[] outputNorm) {
  public ModelWeights {
    stopTokens = Set.copyOf(stopTokens);
    layers = List.copyOf(layers);
  }

  /** Makes one matrix of another. */
  @FunctionalInterface
  public interface MatrixMapping<M extends Matrix, N extends Matrix> {
    N apply(TensorName name, M matrix);
  }

  /** The embedding, the head where there is one, then every layer's matrices. */
  public List<M> matrices() {
    List<M> matrices = new ArrayList<>();
    matrices.add(embedding);
    head.ifPresent(matrices::add);
    layers.forEach(layer -> matrices.addAll(layer.matrices()));
    return matrices;
  }

  /** All weights, the embedding counted once. */
  public long parameters() {
    long count = outputNorm.length;
    for (M matrix : matrices()) {
      count += (long) matrix.rows() * matrix.columns();
    }
    for (LayerWeights<M> layer : layers) {
      count += layer.normParameters();
    }
    return count;
  }

  /** The same model, with other matrices; they are asked for in the order of {@link #matrices}. */
  public <N extends Matrix> ModelWeights<N> map(MatrixMapping<M, N> mapping) {
    N mappedEmbedding = mapping.apply(new TensorName(TensorRole.EMBEDDING, 0), embedding);
    Optional<N> mappedHead = head.map(matrix -> mapping.apply(new TensorName(TensorRole.HEAD, 0), matrix));
    List<LayerWeights<N>> mapped = new ArrayList<>();
    for (int layer = 0; layer < layers.size(); layer++) {
      mapped.add(layers.get(layer).map(layer, mapping));
    }
    return new ModelWeights<>(config, vocabulary, chatTemplate, stopTokens, mappedEmbedding, mappedHead, mapped, outputNorm);
  }
}
