package dev.gemmaspark.engine.chat;

/** White space as the {@code trim} of chat templates knows it, which is Python's {@code str.strip}. */
final class Whitespace {
  private static final int NEXT_LINE = 0x85;

  private Whitespace() {}

  static String trim(String text) {
    int from = 0;
    int to = text.length();
    while (from < to && isWhitespace(text.charAt(from))) {
      from++;
    }
    while (from < to && isWhitespace(text.charAt(to - 1))) {
      to--;
    }
    return text.substring(from, to);
  }

  /** Java has two notions, neither of them Python's: the one leaves out no-break spaces, the other tabs and newlines. */
  private static boolean isWhitespace(char c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == NEXT_LINE;
  }
}
