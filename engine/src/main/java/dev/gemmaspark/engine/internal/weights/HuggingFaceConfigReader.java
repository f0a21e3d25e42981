package dev.gemmaspark.engine.internal.weights;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/** The configuration of a Hugging Face directory: {@code config.json}. */
final class HuggingFaceConfigReader extends ConfigReader {
  private final JsonNode config;

  HuggingFaceConfigReader(Path file, JsonNode config) {
    super(file, architecture(file, config.path("model_type").asText("none")));
    this.config = config;
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
  float queryScale(int layers, int hiddenSize, int heads, int headDim) {
    float scalar = number("query_pre_attn_scalar").orElse((float) headDim);
    if (!(scalar > 0) || Float.isInfinite(scalar)) {
      throw broken(String.format(Locale.ROOT, "query_pre_attn_scalar is %s; it must be a positive number", scalar));
    }
    return (float) (1 / Math.sqrt(scalar));
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
