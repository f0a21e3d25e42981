package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.error.ModelFormatException;
import dev.gemmaspark.engine.error.UnsupportedModelException;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import dev.gemmaspark.engine.internal.tensor.PanelFormats;
import dev.gemmaspark.engine.internal.tensor.StoredTensor;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.tensor.WeightMatrix;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import dev.gemmaspark.engine.internal.tokenizer.Vocabulary;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** Gathers a model's tensors from where they are, and checks their shapes. */
final class WeightsReader {
  /** Vocabularies are filled up to a multiple of 64 or more, so that matrices divide well. */
  private static final int MOST_PADDING = 512;

  private static final int PADDED_TO = 8;
  private static final TensorName EMBEDDING = new TensorName(TensorRole.EMBEDDING, 0);
  private static final TensorName HEAD = new TensorName(TensorRole.HEAD, 0);

  private final TensorSource source;
  private final ModelConfig config;
  private final Set<String> used = new HashSet<>();

  private WeightsReader(TensorSource source, ModelConfig config) {
    this.source = source;
    this.config = config;
  }

  static ModelWeights<WeightRows> read(
      TensorSource source, ModelConfig config, Vocabulary vocabulary, Optional<String> chatTemplate, Set<Integer> stopTokens) {
    WeightsReader reader = new WeightsReader(source, config);
    int pieces = reader.checkPieces(vocabulary.size());
    WeightMatrix embedding = reader.matrix(EMBEDDING, config.vocabSize(), config.hiddenSize());
    Optional<WeightRows> head = reader.head(embedding).map(matrix -> matrix.part(0, pieces));
    List<LayerWeights<WeightRows>> layers = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      layers.add(reader.layer(layer));
    }
    float[] outputNorm = reader.norm(TensorRole.OUTPUT_NORM, 0);
    reader.refuseUnused();
    return new ModelWeights<>(
        config.withVocabSize(pieces), vocabulary, chatTemplate, stopTokens, embedding.part(0, pieces), head, layers, outputNorm);
  }

  /** How many rows of the embedding are of pieces: all, or all but some at the end that fill it up. */
  private int checkPieces(int pieces) {
    int padding = config.vocabSize() - pieces;
    if (padding != 0 && (padding < 0 || padding >= MOST_PADDING || config.vocabSize() % PADDED_TO != 0)) {
      throw broken(
          String.format(Locale.ROOT, "the vocabulary has %d pieces, but the embedding %d rows; tokenizer and weights are not of one model",
              pieces, config.vocabSize()));
    }
    return pieces;
  }

  private Optional<WeightMatrix> head(WeightMatrix embedding) {
    boolean stored = source.find(HEAD).isPresent();
    return switch (source.head()) {
      case OWN -> Optional.of(matrix(HEAD, config.vocabSize(), config.hiddenSize()));
      case WHICH_IS_THERE -> stored ? Optional.of(matrix(HEAD, config.vocabSize(), config.hiddenSize())) : Optional.empty();
      case EMBEDDING -> {
        if (stored && tensor(HEAD).data().mismatch(embedding.data()) >= 0) {
          throw broken(
              String.format(Locale.ROOT,
                  "tensor %s is another matrix than the embedding, though tie_word_embeddings says that they are one; set it to false, or remove the tensor",
                  source.name(HEAD)));
        }
        yield Optional.empty();
      }
    };
  }

  /** A tensor that nobody asked for, such as a bias, is a part of the model that this engine does not compute. */
  private void refuseUnused() {
    for (String name : new TreeSet<>(source.names())) {
      if (!used.contains(name) && !source.isHarmless(name)) {
        throw new UnsupportedModelException(
            String.format(Locale.ROOT,
                "%s: tensor %s is no part of a %s of %d layers as it is known here; this is a model of another kind, or its configuration is not its own",
                source.path(), name, config.architecture().label(), config.layers()));
      }
    }
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
        throw broken(String.format(Locale.ROOT, "tensor %s has a weight that is infinite or not a number; get a sound copy",
            tensor.name()));
      }
    }
    return norm;
  }

  private StoredTensor tensor(TensorName name) {
    StoredTensor tensor =
        source
            .find(name)
            .orElseThrow(
                () -> broken(String.format(Locale.ROOT, "tensor %s is missing; the model is not a whole Gemma: get it again",
                    source.name(name))));
    used.add(tensor.name());
    return tensor;
  }

  private ModelFormatException wrongShape(StoredTensor tensor, String expected) {
    return broken(String.format(Locale.ROOT, "tensor %s is %s; %s expected", tensor.name(), tensor.shapeText(), expected));
  }

  private ModelFormatException broken(String problem) {
    return new ModelFormatException(source.path(), ModelFormatException.NO_OFFSET, problem);
  }
}
