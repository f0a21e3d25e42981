package dev.gemmaspark.engine.internal.weights;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** The configuration of a Hugging Face directory: {@code config.json}. */
final class HuggingFaceConfigReader extends ConfigReader {
  private static final String WINDOW_SIZE = "sliding_window_size";
  private static final String QUERY_SCALAR = "query_pre_attn_scalar";
  private static final String LAYER_TYPES = "layer_types";
  private static final Set<String> TANH_GELU = Set.of("gelu_pytorch_tanh", "gelu_new");

  private final JsonNode config;
  private final HuggingFaceRopeReader ropes;

  HuggingFaceConfigReader(Path file, JsonNode config) {
    super(file, architecture(file, config.path("model_type").asText("none")));
    this.config = config;
    refuseQuantized("quantization_config");
    refuseQuantized("quantization");
    checkActivation();
    Unread.refuse(file, "", config, KnownFields.config(architecture));
    this.ropes = new HuggingFaceRopeReader(file, config);
  }

  /** Whoever quantized a model for another library is told so, and not of tensors that are missing. */
  private void refuseQuantized(String field) {
    JsonNode said = config.path(field);
    if (said.isObject() && !said.isEmpty()) {
      String method = said.path("quant_method").asText(said.has("group_size") ? "MLX" : "a method without a name");
      throw unsupported(
          String.format(Locale.ROOT,
              "the weights are quantized by %s (%s), which is not supported; get the model before it was quantized, or as GGUF",
              method, field));
    }
  }

  /** Gemma 1's first configurations say "gelu" and mean the form by tanh; Gemma 2 goes by {@code hidden_activation} alone. */
  private void checkActivation() {
    JsonNode activation = config.path("hidden_activation");
    JsonNode old = config.path("hidden_act");
    boolean known = !activation.isTextual() || TANH_GELU.contains(activation.asText());
    boolean knownOld = !old.isTextual() || old.asText().equals("gelu") || TANH_GELU.contains(old.asText());
    if (!known || !knownOld) {
      throw unsupported(
          String.format(Locale.ROOT, "%s is %s, which is not supported; Gemma's is gelu_pytorch_tanh",
              known ? "hidden_act" : "hidden_activation", known ? old : activation));
    }
  }

  @Override
  String name(ConfigKey key) {
    return key.huggingFace();
  }

  @Override
  Optional<Integer> integer(ConfigKey key) {
    JsonNode value = config.path(name(key));
    if (value.isMissingNode() || value.isNull()) {
      return Optional.empty();
    }
    require(key, value, value.isIntegralNumber() && value.canConvertToInt(), "a whole number");
    return Optional.of(value.asInt());
  }

  @Override
  Optional<Float> number(ConfigKey key) {
    return number(name(key));
  }

  private Optional<Float> number(String name) {
    JsonNode value = config.path(name);
    if (value.isMissingNode()) {
      return Optional.empty();
    }
    if (value.isNull()) {
      // of a soft cap: none
      return Optional.of(0f);
    }
    if (!value.isNumber()) {
      throw broken(String.format(Locale.ROOT, "%s is %s; it must be a number", name, value));
    }
    return Optional.of(value.floatValue());
  }

  @Override
  boolean[] localLayers(int layers) {
    JsonNode types = config.path(LAYER_TYPES);
    if (types.isMissingNode() || types.isNull()) {
      int period = architecture == Architecture.GEMMA2 ? 2 : 1;
      return periodically(layers, integer(ConfigKey.SLIDING_WINDOW_PATTERN).orElse(period));
    }
    if (types.size() != layers) {
      throw broken(String.format(Locale.ROOT, "%s names %d layers, but there are %d", LAYER_TYPES, types.size(), layers));
    }
    boolean[] local = new boolean[layers];
    for (int layer = 0; layer < layers; layer++) {
      String type = types.path(layer).asText();
      local[layer] = type.equals(HuggingFaceRopeReader.LOCAL);
      boolean known = type.equals(HuggingFaceRopeReader.GLOBAL) || local[layer] && architecture == Architecture.GEMMA2;
      if (!known) {
        throw unsupported(String.format(Locale.ROOT, "%s says %s of layer %d, which this architecture is not known to have",
            LAYER_TYPES, types.path(layer), layer));
      }
    }
    return local;
  }

  @Override
  Rope rope(boolean local) {
    return ropes.read(local);
  }

  @Override
  float queryScale(int layers, int hiddenSize, int heads, int headDim) {
    Optional<Float> said = architecture == Architecture.GEMMA2 ? number(QUERY_SCALAR) : Optional.empty();
    return (float) (1 / Math.sqrt(positive(QUERY_SCALAR, said.orElse((float) headDim))));
  }

  /** Some of Gemma 2's first configurations say the window twice. */
  @Override
  void check(ModelConfig read) {
    JsonNode size = config.path(WINDOW_SIZE);
    if (size.isNumber() && read.windows().stream().anyMatch(window -> window > 0 && window != size.asInt())) {
      throw broken(String.format(Locale.ROOT, "%s is %s, and the window of the layers another; remove it", WINDOW_SIZE, size));
    }
  }

  @Override
  int vocabSize() {
    JsonNode size = config.path("vocab_size");
    if (!size.canConvertToInt() || size.asInt() < 1 || size.asInt() > LARGEST_SIZE) {
      throw broken(String.format(Locale.ROOT, "vocab_size is %s; it must be between 1 and %d", size, LARGEST_SIZE));
    }
    return size.asInt();
  }
}
