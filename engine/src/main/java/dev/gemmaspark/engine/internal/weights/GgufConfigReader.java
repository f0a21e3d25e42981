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
    KnownKeys.check(model.path(), metadata, architecture);
    checkKind();
    TensorName name = new TensorName(TensorRole.EMBEDDING, 0);
    this.embedding =
        model
            .find(name)
            .orElseThrow(
                () -> broken(String.format(Locale.ROOT, "tensor %s is missing; the model is not a whole Gemma: get it again",
                    name.gguf())));
  }

  /** What else could be in a GGUF file of this architecture. */
  private void checkKind() {
    String type = metadata.optionalString("general.type").orElse("model");
    if (!type.equals("model")) {
      throw unsupported(String.format(Locale.ROOT, "the file is not of a model, but of kind '%s' (general.type)", type));
    }
    if (!metadata.optionalBoolean(architecture.label() + ".attention.causal").orElse(true)) {
      throw unsupported("attention.causal is false, which is not supported; this is no model that completes texts");
    }
    if (metadata.optionalBoolean("tokenizer.ggml.add_space_prefix").orElse(false)) {
      throw unsupported("tokenizer.ggml.add_space_prefix is true, which is not supported; Gemma's tokenizer adds no space before a text");
    }
    if (metadata.optionalBoolean("tokenizer.ggml.remove_extra_whitespaces").orElse(false)) {
      throw unsupported("tokenizer.ggml.remove_extra_whitespaces is true, which is not supported; Gemma's tokenizer keeps all spaces");
    }
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
  boolean[] localLayers(int layers) {
    String key = name(ConfigKey.SLIDING_WINDOW_PATTERN);
    if (metadata.isArray(key)) {
      boolean[] local = metadata.booleans(key);
      if (local.length != layers) {
        throw broken(String.format(Locale.ROOT, "%s names %d layers, but there are %d", key, local.length, layers));
      }
      return local;
    }
    int period = architecture == Architecture.GEMMA2 ? 2 : 1;
    return periodically(layers, integer(ConfigKey.SLIDING_WINDOW_PATTERN).orElse(period));
  }

  /** By llama.cpp's rules: a factor without a type is linear. */
  @Override
  Rope rope(boolean local) {
    float theta = positive(name(ConfigKey.ROPE_THETA), number(ConfigKey.ROPE_THETA).orElse(DEFAULT_ROPE_THETA));
    String typeKey = name(ConfigKey.ROPE_SCALING_TYPE);
    String type = metadata.optionalString(typeKey).orElse("linear");
    float factor = number(ConfigKey.ROPE_SCALING_FACTOR).or(() -> number(ConfigKey.ROPE_SCALE_LINEAR)).orElse(0f);
    if (factor != 0) {
      positive(name(ConfigKey.ROPE_SCALING_FACTOR), factor);
    }
    return switch (type) {
      case "none" -> Rope.unscaled(theta);
      case "linear" -> new Rope(theta, factor == 0 ? Rope.UNSCALED : new Rope.Linear(factor));
      case "yarn" -> new Rope(theta, yarn(factor == 0 ? 1 : factor));
      default -> throw unsupported(String.format(Locale.ROOT, "%s is '%s', which is not supported; supported are none, linear and yarn",
          typeKey, type));
    };
  }

  private Rope.Yarn yarn(float factor) {
    int original = integer(ConfigKey.ROPE_ORIGINAL_CONTEXT).or(() -> integer(ConfigKey.CONTEXT_LENGTH)).orElse(0);
    require(ConfigKey.ROPE_ORIGINAL_CONTEXT, original, original > 0, "more than 0");
    return Rope.Yarn.of(factor, original);
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

  @Override
  void check(ModelConfig read) {
    require(ConfigKey.ROTATED_DIM, integer(ConfigKey.ROTATED_DIM).orElse(read.headDim()), read.headDim());
    require(ConfigKey.VOCAB_SIZE, integer(ConfigKey.VOCAB_SIZE).orElse(read.vocabSize()), read.vocabSize());
  }

  private void require(ConfigKey key, int said, int expected) {
    require(key, said, said == expected, "" + expected);
  }

  /** The embedding says it, whatever a key says. */
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
