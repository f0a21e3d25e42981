package dev.gemmaspark.spark.conf;

import dev.gemmaspark.engine.error.InvalidSettingException;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * One configuration key.
 *
 * @param name as users write it
 * @param defaultText what stands for it where nobody sets it, in words or as a value
 * @param meaning in one sentence
 * @param allowed what is allowed, in words
 * @param parser gives the value of a text, or throws an {@link IllegalArgumentException}
 */
public record ConfigKey<T>(
    String name, String defaultText, String meaning, String allowed, Function<String, T> parser) {

  /** The value that is set, if any. */
  Optional<T> read(Map<String, String> settings) {
    String text = settings.get(name);
    if (text == null || text.isBlank()) {
      return Optional.empty();
    }
    try {
      return Optional.of(parser.apply(text.strip()));
    } catch (IllegalArgumentException e) {
      throw new InvalidSettingException(String.format(Locale.ROOT, "%s is '%s'; it must be %s", name, text, allowed));
    }
  }
}
