package dev.gemmaspark.engine.internal.weights;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gemmaspark.engine.error.UnsupportedModelException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * What to do with what a model file says and nobody reads. A setting that is not understood may change the numbers of a model, so it is never
 * ignored: a reader lists the names that it reads and those that are known to change nothing (of training, of versions, of the caller's
 * choices), and any other is refused by its name, random ones too. Its value lets it pass where that means "none": {@code null}, false, 0,
 * {@code ""}, {@code "default"}, {@code "none"}, empty lists and objects, and 1 but for attention, whose scale is never 1 by itself.
 */
final class Unread {
  private static final int LONGEST_SHOWN = 40;

  private Unread() {}

  /**
   * Refuses an object with a field that is not known.
   *
   * @param file for messages
   * @param prefix of the fields' names in messages
   * @throws UnsupportedModelException that names the field
   */
  static void refuse(Path file, String prefix, JsonNode object, Set<String> known) {
    for (Map.Entry<String, JsonNode> field : object.properties()) {
      if (!known.contains(field.getKey()) && !meansNone(field.getKey(), field.getValue())) {
        throw unsupported(file, prefix + field.getKey(), field.getValue());
      }
    }
  }

  static UnsupportedModelException unsupported(Path file, String name, Object value) {
    String text = value.toString();
    String shown = text.length() > LONGEST_SHOWN ? text.substring(0, LONGEST_SHOWN) + "…" : text;
    return new UnsupportedModelException(
        String.format(Locale.ROOT, "%s: %s is %s, which is not supported and may change what the model answers; remove it only if it does not",
            file, name, shown));
  }

  /** Whether the value of this name says nothing. */
  static boolean meansNone(String name, JsonNode value) {
    return value.isNull() || value.isMissingNode() || value.isContainerNode() && value.isEmpty() || value.isValueNode() && meansNone(name, value.asText());
  }

  /** Whether the value of this name, written as text, is none. */
  static boolean meansNone(String name, String value) {
    return switch (value) {
      case "", "false", "0", "0.0", "default", "none" -> true;
      case "1", "1.0" -> !name.contains("attention");
      default -> false;
    };
  }
}
