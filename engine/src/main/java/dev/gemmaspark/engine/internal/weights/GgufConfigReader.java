package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.internal.gguf.GgufMetadata;
import dev.gemmaspark.engine.internal.tensor.StoredTensor;
import java.util.Locale;
import java.util.Optional;

/** The configuration of a GGUF file: keys of its architecture. */
final class GgufConfigReader extends ConfigReader {
  private static final String ARCHITECTURE = "general.architecture";

  /** The 27B model: its queries are scaled by hidden size / heads, which no key says. */
  private static final int LAYERS_OF_27B = 46;

  private final GgufMetadata metadata;
  private final StoredTensor embedding;

  GgufConfigReader(GgufModel model) {
    super(model.path(), architecture(model.path(), model.metadata().string(ARCHITECTURE)));
    this.metadata = model.metadata();
    TensorName name = new TensorName(TensorRole.EMBEDDING, 0);
    this.embedding =
        model
            .find(name)
            .orElseThrow(
                () -> broken(String.format(Locale.ROOT, "tensor %s is missing; the model is not a whole Gemma: get it again", name.gguf())));
  }

  @Override
  String name(ConfigKey key) {
    return key.gguf(architecture);
  }

  @Override
  Optional<Integer> integer(ConfigKey key) {
    return metadata.optionalInteger(name(key));
  }

  @Override
  Optional<Float> number(ConfigKey key) {
    return metadata.optionalFloat(name(key));
  }

  @Override
  float queryScale(int layers, int hiddenSize, int heads, int headDim) {
    return assumedQueryScale(architecture, layers, hiddenSize, heads, headDim);
  }

  /** What a reader of GGUF multiplies queries with, because no key says it. */
  static float assumedQueryScale(ModelConfig config) {
    return assumedQueryScale(
        config.architecture(), config.layers(), config.hiddenSize(), config.attentionHeads(), config.headDim());
  }

  private static float assumedQueryScale(Architecture architecture, int layers, int hiddenSize, int heads, int headDim) {
    boolean is27B = architecture == Architecture.GEMMA2 && layers == LAYERS_OF_27B;
    return (float) (1 / Math.sqrt(is27B ? (double) hiddenSize / heads : headDim));
  }

  /** No key says it: the embedding does. */
  @Override
  int vocabSize() {
    long[] shape = embedding.shape();
    long rows = shape.length < 2 ? 1 : shape[shape.length - 2];
    if (rows > LARGEST_SIZE) {
      throw broken(String.format(Locale.ROOT, "the embedding has %d rows; at most %d expected", rows, LARGEST_SIZE));
    }
    return (int) rows;
  }
}
