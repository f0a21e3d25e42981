package dev.gemmaspark.engine.internal.weights;

import java.util.List;

/**
 * Sizes and constants of a model. What a file may say wrong is checked by whoever reads the file.
 *
 * @param architecture which forward pass
 * @param layerConfigs of the decoder layers, in order
 * @param hiddenSize width of the residual stream
 * @param intermediateSize width of gate and up
 * @param attentionHeads query heads, a multiple of {@code kvHeads}
 * @param kvHeads heads of keys and values
 * @param headDim width of a head, even
 * @param queryScale what queries are multiplied with
 * @param attentionSoftcap cap of the attention scores, or 0 for none
 * @param finalSoftcap cap of the logits, or 0 for none
 * @param rmsNormEpsilon added to the mean square
 * @param contextLength positions the model was trained on
 * @param vocabSize rows of the embedding
 */
public record ModelConfig(
    Architecture architecture,
    List<LayerConfig> layerConfigs,
    int hiddenSize,
    int intermediateSize,
    int attentionHeads,
    int kvHeads,
    int headDim,
    float queryScale,
    float attentionSoftcap,
    float finalSoftcap,
    float rmsNormEpsilon,
    int contextLength,
    int vocabSize) {
  public ModelConfig {
    layerConfigs = List.copyOf(layerConfigs);
  }

  /** The same for other rows of the embedding. */
  ModelConfig withVocabSize(int size) {
    return new ModelConfig(
        architecture, layerConfigs, hiddenSize, intermediateSize, attentionHeads, kvHeads, headDim, queryScale,
        attentionSoftcap, finalSoftcap, rmsNormEpsilon, contextLength, size);
  }

  /** Decoder layers. */
  public int layers() {
    return layerConfigs.size();
  }

  /** What is one layer's own. */
  public LayerConfig layer(int layer) {
    return layerConfigs.get(layer);
  }

  /** Positions that a layer sees, by layer; 0 for all. */
  public List<Integer> windows() {
    return layerConfigs.stream().map(LayerConfig::window).toList();
  }
}
