package dev.gemmaspark.engine.internal.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gemmaspark.engine.error.UnsupportedModelException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/**
 * What stands around the model in a {@code tokenizer.json}: steps that change a text before it is cut into pieces, or the pieces on their way
 * back. Of each those of Gemma pass, which {@link Tokenizer} does in its own way, and those that do nothing; any other would give other
 * tokens, and is refused by its name.
 */
final class TokenizerParts {
  private static final String SPACE = String.valueOf(Vocabulary.SPACE);

  /** What an added token may ask for besides: to take the spaces around it, or to be found as a whole word alone. */
  private static final List<String> TOKEN_RULES = List.of("lstrip", "rstrip", "single_word");

  private static final Set<String> DECODERS = Set.of("ByteFallback", "Fuse");

  private final Path file;

  TokenizerParts(Path file) {
    this.file = file;
  }

  /** Gemma's cuts at spaces, of which its normalizer has left none. */
  void checkPreTokenizer(JsonNode part) {
    for (JsonNode step : steps(part, "pretokenizers")) {
      boolean cutsAtSpaces =
          step.path("type").asText().equals("Split")
              && step.path("pattern").path("String").asText().equals(" ")
              && !step.path("invert").asBoolean();
      if (!cutsAtSpaces) {
        throw unsupported("its pre-tokenizer is " + type(step));
      }
    }
  }

  /** Templates add control tokens, which is done here by whoever makes the prompt. */
  void checkPostProcessor(JsonNode part) {
    for (JsonNode step : steps(part, "processors")) {
      if (!step.path("type").asText().equals("TemplateProcessing")) {
        throw unsupported("its post-processor is " + type(step));
      }
    }
  }

  void checkDecoder(JsonNode part) {
    for (JsonNode step : steps(part, "decoders")) {
      boolean writesSpaces =
          step.path("type").asText().equals("Replace")
              && step.path("pattern").path("String").asText().equals(SPACE)
              && step.path("content").asText().equals(" ");
      if (!writesSpaces && !DECODERS.contains(step.path("type").asText())) {
        throw unsupported("its decoder has a step " + type(step));
      }
    }
  }

  void checkAddedToken(JsonNode token) {
    for (String rule : TOKEN_RULES) {
      if (token.path(rule).asBoolean()) {
        throw unsupported("its added token " + token.path("id") + " has the rule " + rule);
      }
    }
  }

  /** A part that nobody knows must not say anything. */
  void checkNone(String name, JsonNode value) {
    boolean none =
        value.isNull()
            || value.isContainerNode() && value.isEmpty()
            || value.isTextual() && value.asText().isEmpty()
            || value.isBoolean() && !value.asBoolean()
            || value.isNumber() && value.asDouble() == 0;
    if (!none) {
      throw unsupported("it has the setting " + name);
    }
  }

  /** The steps of a sequence, the one of a part that is none, or none at all. */
  private static Iterable<JsonNode> steps(JsonNode part, String field) {
    if (part.isNull()) {
      return List.of();
    }
    return part.path("type").asText().equals("Sequence") ? part.path(field) : List.of(part);
  }

  private static String type(JsonNode step) {
    return step.path("type").asText("none that has a name");
  }

  private UnsupportedModelException unsupported(String reason) {
    return new UnsupportedModelException(file + " is not a tokenizer for Gemma: " + reason + "; Gemma's has not");
  }
}
