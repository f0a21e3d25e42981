package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.internal.tensor.Matrix;
import java.util.List;
import java.util.Optional;

/**
 * The weights of one decoder layer. Norms are the factors themselves (where a file stores {@code w} for {@code 1 + w}, the one
 * has been added).
 *
 * @param attentionNorm hidden size
 * @param query attention heads x head dim rows, hidden size columns
 * @param key KV heads x head dim rows, hidden size columns
 * @param value as {@code key}
 * @param output hidden size rows, attention heads x head dim columns
 * @param postAttentionNorm hidden size; Gemma 2 only
 * @param feedForwardNorm hidden size
 * @param gate intermediate size rows, hidden size columns
 * @param up as {@code gate}
 * @param down hidden size rows, intermediate size columns
 * @param postFeedForwardNorm hidden size; Gemma 2 only
 * @param <M> the layout of the matrices
 */
public record LayerWeights<M extends Matrix>(
    float[] attentionNorm,
    M query,
    M key,
    M value,
    M output,
    Optional<float[]> postAttentionNorm,
    float[] feedForwardNorm,
    M gate,
    M up,
    M down,
    Optional<float[]> postFeedForwardNorm) {

  /** The seven matrices, in the order of the forward pass. */
  public List<M> matrices() {
    return List.of(query, key, value, output, gate, up, down);
  }

  /** All weights of the norms. */
  long normParameters() {
    return attentionNorm.length
        + feedForwardNorm.length
        + postAttentionNorm.map(norm -> norm.length).orElse(0)
        + postFeedForwardNorm.map(norm -> norm.length).orElse(0);
  }

  /** The same layer, with other matrices; they are asked for in the order of {@link #matrices}. */
  <N extends Matrix> LayerWeights<N> map(int layer, ModelWeights.MatrixMapping<M, N> mapping) {
    return new LayerWeights<>(
        attentionNorm,
        mapping.apply(new TensorName(TensorRole.QUERY, layer), query),
        mapping.apply(new TensorName(TensorRole.KEY, layer), key),
        mapping.apply(new TensorName(TensorRole.VALUE, layer), value),
        mapping.apply(new TensorName(TensorRole.OUTPUT, layer), output),
        postAttentionNorm,
        feedForwardNorm,
        mapping.apply(new TensorName(TensorRole.GATE, layer), gate),
        mapping.apply(new TensorName(TensorRole.UP, layer), up),
        mapping.apply(new TensorName(TensorRole.DOWN, layer), down),
        postFeedForwardNorm);
  }
}
