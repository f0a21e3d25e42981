package dev.gemmaspark.spark.rag;

/**
 * Leaves out what a text has and its readers do not see: zero-width and direction characters, tags, and comments. Instructions to models hide in
 * such places.
 */
final class HiddenText {
  private HiddenText() {}

  /** A text without them, and how many characters that cost. */
  record Cleaned(String text, int removed) {}

  /** Of any text: characters without a shape. Those that join letters and emoji, and change what is seen, stay. */
  static Cleaned clean(String text) {
    StringBuilder kept = new StringBuilder(text.length());
    text.codePoints().filter(c -> !isHidden(c)).forEach(kept::appendCodePoint);
    return new Cleaned(kept.toString(), text.length() - kept.length());
  }

  /** Of Markdown: comments too. */
  static Cleaned cleanMarkdown(String text) {
    StringBuilder kept = new StringBuilder(text.length());
    int at = 0;
    for (int comment = text.indexOf("<!--"); comment >= 0; comment = text.indexOf("<!--", at)) {
      kept.append(text, at, comment);
      int end = text.indexOf("-->", comment);
      at = end < 0 ? text.length() : end + "-->".length();
    }
    kept.append(text, at, text.length());
    Cleaned cleaned = clean(kept.toString());
    return new Cleaned(cleaned.text, cleaned.removed + text.length() - kept.length());
  }

  private static boolean isHidden(int c) {
    return switch (c) {
      // zero width space, word joiner, invisible operators, byte order mark, soft hyphen
      case 0x200B, 0x2060, 0x2061, 0x2062, 0x2063, 0x2064, 0xFEFF, 0x00AD -> true;
      default ->
          // marks, overrides and isolates of direction; tags
          c == 0x200E || c == 0x200F || c == 0x061C || c >= 0x202A && c <= 0x202E || c >= 0x2066 && c <= 0x206F || c >= 0xE0000 && c <= 0xE007F
              // controls but for tab and line ends
              || c < ' ' && c != '\t' && c != '\n' && c != '\r';
    };
  }
}
