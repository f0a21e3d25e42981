package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.internal.tensor.WeightMatrix;
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
 */
public record LayerWeights(
    float[] attentionNorm,
    WeightMatrix query,
    WeightMatrix key,
    WeightMatrix value,
    WeightMatrix output,
    Optional<float[]> postAttentionNorm,
    float[] feedForwardNorm,
    WeightMatrix gate,
    WeightMatrix up,
    WeightMatrix down,
    Optional<float[]> postFeedForwardNorm) {

  /** The seven matrices, in the order of the forward pass. */
  public List<WeightMatrix> matrices() {
    return List.of(query, key, value, output, gate, up, down);
  }

  /** All weights. */
  public long parameters() {
    long count = attentionNorm.length + feedForwardNorm.length;
    count += postAttentionNorm.map(norm -> norm.length).orElse(0);
    count += postFeedForwardNorm.map(norm -> norm.length).orElse(0);
    for (WeightMatrix matrix : matrices()) {
      count += (long) matrix.rows() * matrix.columns();
    }
    return count;
  }
}
