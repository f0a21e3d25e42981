package dev.gemmaspark.spark.rag;

import java.util.Locale;

/** Whose words lose their endings in a search, and which are too common to be looked for. */
public enum Language {
  ENGLISH,
  /** Of no language: words as they are. */
  NONE;

  /** As options and manifests have it. */
  String option() {
    return name().toLowerCase(Locale.ROOT);
  }

  static Language of(String option) {
    return valueOf(option.toUpperCase(Locale.ROOT));
  }
}
