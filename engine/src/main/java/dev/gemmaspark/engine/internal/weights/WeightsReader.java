package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.error.ModelFormatException;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import dev.gemmaspark.engine.internal.tensor.PanelFormats;
import dev.gemmaspark.engine.internal.tensor.StoredTensor;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.tensor.WeightMatrix;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import dev.gemmaspark.engine.internal.tokenizer.Vocabulary;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** Gathers a model's tensors from where they are, and checks their shapes. */
final class WeightsReader {
  private final TensorSource source;
  private final ModelConfig config;

  private WeightsReader(TensorSource source, ModelConfig config) {
    this.source = source;
    this.config = config;
  }

  static ModelWeights<WeightRows> read(
      TensorSource source, ModelConfig config, Vocabulary vocabulary, Optional<String> chatTemplate, Set<Integer> stopTokens) {
    WeightsReader reader = new WeightsReader(source, config);
    if (vocabulary.size() != config.vocabSize()) {
      throw reader.broken(
          String.format(Locale.ROOT, "the vocabulary has %d pieces, but the embedding %d rows; tokenizer and weights are not of one model",
              vocabulary.size(), config.vocabSize()));
    }
    WeightRows embedding =
        reader.matrix(new TensorName(TensorRole.EMBEDDING, 0), config.vocabSize(), config.hiddenSize());
    List<LayerWeights<WeightRows>> layers = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      layers.add(reader.layer(layer));
    }
    float[] outputNorm = reader.norm(TensorRole.OUTPUT_NORM, 0);
    return new ModelWeights<>(config, vocabulary, chatTemplate, stopTokens, embedding, layers, outputNorm);
  }

  private LayerWeights<WeightRows> layer(int layer) {
    int queryWidth = config.attentionHeads() * config.headDim();
    int kvWidth = config.kvHeads() * config.headDim();
    int hidden = config.hiddenSize();
    int intermediate = config.intermediateSize();
    boolean postNorms = config.architecture() == Architecture.GEMMA2;
    TensorName fused = new TensorName(TensorRole.QUERY_KEY_VALUE, layer);
    Optional<WeightMatrix> all =
        source.find(fused).map(tensor -> matrix(fused, queryWidth + 2 * kvWidth, hidden));
    return new LayerWeights<>(
        norm(TensorRole.ATTENTION_NORM, layer),
        part(all, 0, TensorRole.QUERY, layer, queryWidth),
        part(all, queryWidth, TensorRole.KEY, layer, kvWidth),
        part(all, queryWidth + kvWidth, TensorRole.VALUE, layer, kvWidth),
        matrix(new TensorName(TensorRole.OUTPUT, layer), hidden, queryWidth),
        postNorms ? Optional.of(norm(TensorRole.POST_ATTENTION_NORM, layer)) : Optional.empty(),
        norm(TensorRole.FEED_FORWARD_NORM, layer),
        matrix(new TensorName(TensorRole.GATE, layer), intermediate, hidden),
        matrix(new TensorName(TensorRole.UP, layer), intermediate, hidden),
        matrix(new TensorName(TensorRole.DOWN, layer), hidden, intermediate),
        postNorms ? Optional.of(norm(TensorRole.POST_FEED_FORWARD_NORM, layer)) : Optional.empty());
  }

  private WeightMatrix part(Optional<WeightMatrix> all, int first, TensorRole role, int layer, int rows) {
    return all.map(matrix -> matrix.part(first, rows))
        .orElseGet(() -> matrix(new TensorName(role, layer), rows, config.hiddenSize()));
  }

  private WeightMatrix matrix(TensorName name, int rows, int columns) {
    StoredTensor tensor = tensor(name);
    if (!tensor.hasShape(rows, columns)) {
      throw wrongShape(tensor, rows + " x " + columns);
    }
    return new WeightMatrix(tensor.name(), tensor.type(), rows, columns, tensor.data());
  }

  private float[] norm(TensorRole role, int layer) {
    StoredTensor tensor = tensor(new TensorName(role, layer));
    if (!tensor.hasShape(config.hiddenSize())) {
      throw wrongShape(tensor, "" + config.hiddenSize());
    }
    TensorType type = tensor.type();
    if (type.blockSize() != 1) {
      throw broken(String.format(Locale.ROOT, "tensor %s is %s; a norm is F32, F16 or BF16", tensor.name(), type));
    }
    PanelFormat format = PanelFormats.of(type);
    float[] norm = new float[config.hiddenSize()];
    for (int i = 0; i < norm.length; i++) {
      format.dequantize(tensor.data(), (long) i * type.blockBytes(), norm, i);
      norm[i] += source.normOffset();
      if (!Float.isFinite(norm[i])) {
        throw broken(String.format(Locale.ROOT, "tensor %s has a weight that is infinite or not a number; get a sound copy", tensor.name()));
      }
    }
    return norm;
  }

  private StoredTensor tensor(TensorName name) {
    return source
        .find(name)
        .orElseThrow(
            () ->
                broken(
                    String.format(Locale.ROOT, "tensor %s is missing; the model is not a whole Gemma: get it again", source.name(name))));
  }

  private ModelFormatException wrongShape(StoredTensor tensor, String expected) {
    return broken(String.format(Locale.ROOT, "tensor %s is %s; %s expected", tensor.name(), tensor.shapeText(), expected));
  }

  private ModelFormatException broken(String problem) {
    return new ModelFormatException(source.path(), ModelFormatException.NO_OFFSET, problem);
  }
}
