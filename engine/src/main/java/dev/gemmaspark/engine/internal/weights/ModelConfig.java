package dev.gemmaspark.engine.internal.weights;

/**
 * Sizes and constants of a model. What a file may say wrong is checked by whoever reads the file.
 *
 * @param architecture which forward pass
 * @param layers decoder layers; the even ones attend locally where there is a sliding window
 * @param hiddenSize width of the residual stream
 * @param intermediateSize width of gate and up
 * @param attentionHeads query heads, a multiple of {@code kvHeads}
 * @param kvHeads heads of keys and values
 * @param headDim width of a head, even
 * @param queryScale what queries are multiplied with
 * @param attentionSoftcap cap of the attention scores, or 0 for none
 * @param finalSoftcap cap of the logits, or 0 for none
 * @param slidingWindow positions that a local layer sees, the query's own included, or 0 where all layers are global
 * @param rmsNormEpsilon added to the mean square
 * @param ropeTheta base of the rotary frequencies
 * @param contextLength positions the model was trained on
 * @param vocabSize rows of the embedding
 */
public record ModelConfig(
    Architecture architecture,
    int layers,
    int hiddenSize,
    int intermediateSize,
    int attentionHeads,
    int kvHeads,
    int headDim,
    float queryScale,
    float attentionSoftcap,
    float finalSoftcap,
    int slidingWindow,
    float rmsNormEpsilon,
    float ropeTheta,
    int contextLength,
    int vocabSize) {

  /** Whether this layer sees only the last {@link #slidingWindow} positions. */
  public boolean isLocal(int layer) {
    return slidingWindow > 0 && layer % 2 == 0;
  }
}
