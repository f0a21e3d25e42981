package dev.gemmaspark.engine.internal.weights;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gemmaspark.engine.error.ModelFormatException;
import dev.gemmaspark.engine.error.UnsupportedModelException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;

/**
 * What {@code config.json} says of rotary positions. The base is in {@code rope_theta} or, by transformers 5, in {@code rope_parameters}, with
 * the scaling; before that the scaling was in {@code rope_scaling}. Either may stand under the name of a layer type.
 */
final class HuggingFaceRopeReader {
  static final String LOCAL = "sliding_attention";
  static final String GLOBAL = "full_attention";

  private static final String PARAMETERS = "rope_parameters";
  private static final String SCALING = "rope_scaling";
  private static final String THETA = "rope_theta";
  private static final String CONTEXT = "max_position_embeddings";
  private static final String ORIGINAL_CONTEXT = "original_max_position_embeddings";

  private static final Set<String> UNSCALED = Set.of(THETA, "rope_type", "type", ORIGINAL_CONTEXT);
  private static final Set<String> LINEAR = Set.of(THETA, "rope_type", "type", ORIGINAL_CONTEXT, "factor");
  private static final Set<String> YARN =
      Set.of(THETA, "rope_type", "type", ORIGINAL_CONTEXT, "factor", "attention_factor", "beta_fast", "beta_slow");

  private final Path file;
  private final JsonNode config;
  private final String where;
  private final JsonNode said;

  HuggingFaceRopeReader(Path file, JsonNode config) {
    this.file = file;
    this.config = config;
    JsonNode parameters = config.path(PARAMETERS);
    JsonNode scaling = config.path(SCALING);
    if (isSaid(parameters) && isSaid(scaling) && !parameters.equals(scaling)) {
      throw broken(String.format(Locale.ROOT, "%s and %s both say how positions are encoded, and not the same; remove one",
          PARAMETERS, SCALING));
    }
    this.where = isSaid(parameters) ? PARAMETERS : SCALING;
    this.said = isSaid(parameters) ? parameters : scaling;
    if (isSaid(said) && !said.isObject()) {
      throw broken(String.format(Locale.ROOT, "%s is %s; an object expected", where, said));
    }
  }

  /** Of the local layers, or of the others. */
  Rope read(boolean local) {
    if (!said.has(LOCAL) && !said.has(GLOBAL)) {
      return read(where, said);
    }
    String type = local ? LOCAL : GLOBAL;
    Unread.refuse(file, where + ".", said, Set.of(LOCAL, GLOBAL));
    if (!said.path(type).isObject()) {
      throw broken(String.format(Locale.ROOT, "%s says nothing of %s", where, type));
    }
    return read(where + "." + type, said.path(type));
  }

  private Rope read(String name, JsonNode parameters) {
    float theta = theta(name, parameters);
    String type = parameters.path("rope_type").asText(parameters.path("type").asText("default"));
    switch (type) {
      case "default" -> {
        Unread.refuse(file, name + ".", parameters, UNSCALED);
        return Rope.unscaled(theta);
      }
      case "linear" -> {
        Unread.refuse(file, name + ".", parameters, LINEAR);
        return new Rope(theta, new Rope.Linear(positive(name, parameters, "factor", Float.NaN)));
      }
      case "yarn" -> {
        Unread.refuse(file, name + ".", parameters, YARN);
        return new Rope(theta, yarn(name, parameters));
      }
      default ->
          throw new UnsupportedModelException(
              String.format(Locale.ROOT, "%s: %s.rope_type is '%s', which is not supported; supported are default, linear and yarn",
                  file, name, type));
    }
  }

  private float theta(String name, JsonNode parameters) {
    boolean twice = isSaid(parameters.path(THETA)) && isSaid(config.path(THETA));
    if (twice && parameters.path(THETA).floatValue() != config.path(THETA).floatValue()) {
      throw broken(String.format(Locale.ROOT, "%s is %s, and %s.%1$s %s; remove one",
          THETA, config.path(THETA), name, parameters.path(THETA)));
    }
    return isSaid(parameters.path(THETA))
        ? positive(name, parameters, THETA, Float.NaN)
        : positive("", config, THETA, ConfigReader.DEFAULT_ROPE_THETA);
  }

  private Rope.Yarn yarn(String name, JsonNode parameters) {
    float factor = positive(name, parameters, "factor", Float.NaN);
    // as transformers does
    float original =
        isSaid(parameters.path(ORIGINAL_CONTEXT)) || !isSaid(config.path(CONTEXT))
            ? positive(name, parameters, ORIGINAL_CONTEXT, Float.NaN)
            : positive("", config, CONTEXT, Float.NaN);
    return new Rope.Yarn(
        factor,
        (int) original,
        positive(name, parameters, "beta_fast", Rope.Yarn.BETA_FAST),
        positive(name, parameters, "beta_slow", Rope.Yarn.BETA_SLOW),
        positive(name, parameters, "attention_factor", Rope.Yarn.magnitude(factor)));
  }

  private float positive(String name, JsonNode object, String field, float whereMissing) {
    JsonNode value = object.path(field);
    float number = !isSaid(value) ? whereMissing : value.isNumber() ? value.floatValue() : Float.NaN;
    if (!(number > 0) || Float.isInfinite(number)) {
      String full = name.isEmpty() ? field : name + "." + field;
      throw broken(String.format(Locale.ROOT, "%s is %s; it must be a positive number", full, value.isMissingNode() ? "missing" : value));
    }
    return number;
  }

  private static boolean isSaid(JsonNode value) {
    return !value.isMissingNode() && !value.isNull();
  }

  private ModelFormatException broken(String problem) {
    return new ModelFormatException(file, ModelFormatException.NO_OFFSET, problem);
  }
}
