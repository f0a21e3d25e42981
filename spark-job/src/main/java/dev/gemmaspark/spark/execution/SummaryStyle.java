package dev.gemmaspark.spark.execution;

import dev.gemmaspark.engine.error.InvalidSettingException;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** Forms of a summary; each has an instruction of its own. */
public enum SummaryStyle {
  SENTENCE,
  SENTENCES,
  BULLETS;

  /** The style of this name. */
  public static SummaryStyle of(String name) {
    return Arrays.stream(values())
        .filter(style -> style.sqlName().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new InvalidSettingException(
                    String.format(Locale.ROOT, "style is '%s'; it must be one of %s",
                        name, Arrays.stream(values()).map(SummaryStyle::sqlName).toList())));
  }

  public String sqlName() {
    return name().toLowerCase(Locale.ROOT);
  }

  static void requireMaxWords(int maxWords) {
    InvalidSettingException.require(maxWords >= 1, "maxWords", maxWords, "at least 1");
  }

  /** What is said to the model after the style's own instruction. */
  static Optional<String> wordLimit(Integer maxWords) {
    if (maxWords == null) {
      return Optional.empty();
    }
    requireMaxWords(maxWords);
    return Optional.of(" Use at most " + maxWords + (maxWords == 1 ? " word." : " words."));
  }
}
