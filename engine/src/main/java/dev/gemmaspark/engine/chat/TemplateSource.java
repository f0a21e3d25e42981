package dev.gemmaspark.engine.chat;

import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Tells from the text of a Jinja chat template which {@link ChatTemplate} it is, without running it. A template can put into the
 * prompt only its string literals, the text outside its tags, and what it is given. So if these are Gemma's and no others, the prompt
 * is Gemma's; what is left open, the system text, shows in how the template speaks of it.
 */
final class TemplateSource {
  /** Real ones have some hundred characters, Gemma 3's 1,500. */
  private static final int LONGEST = 1 << 16;

  // What is opened and not closed goes to the end: looked for again from every place, a hostile template would take seconds.
  private static final Pattern COMMENT = Pattern.compile("\\{#.*?(?:#}|\\z)", Pattern.DOTALL);
  private static final Pattern TAG = Pattern.compile("\\{\\{.*?(?:}}|\\z)|\\{%.*?(?:%}|\\z)", Pattern.DOTALL);

  /** Possessive, for the same reason. */
  private static final String QUOTED = "'(?:[^'\\\\]|\\\\.?)*+(?:'|\\z)|\"(?:[^\"\\\\]|\\\\.?)*+(?:\"|\\z)";

  private static final Pattern LITERAL = Pattern.compile(QUOTED, Pattern.DOTALL);

  /** Its message never gets into a prompt. */
  private static final Pattern RAISE =
      Pattern.compile("raise_exception\\s*+\\(\\s*+(?:" + QUOTED + ")\\s*+\\)", Pattern.DOTALL);

  /** What Gemma's template writes, and the words by which templates ask for roles and fields. */
  private static final Set<String> KNOWN =
      Set.of(
          "", "\n", "\n\n", "<bos>", "<start_of_turn>", "<end_of_turn>", "<end_of_turn>\n",
          "<start_of_turn>user\n", "<start_of_turn>model\n", "<start_of_turn>system\n", "role",
          "content", "system", "user", "assistant", "model", "user\n", "model\n", "system\n",
          // Gemma 3's, for the parts of a message that has several.
          "type", "text", "image", "<start_of_image>");

  private TemplateSource() {}

  static Optional<ChatTemplate> recognize(String source) {
    if (source.length() > LONGEST) {
      return Optional.empty();
    }
    String uncommented = COMMENT.matcher(source).replaceAll("");
    boolean refusesSystem =
        Pattern.compile("raise_exception\\s*+\\(\\s*+['\"]System", Pattern.CASE_INSENSITIVE)
            .matcher(uncommented)
            .find();
    String code = RAISE.matcher(uncommented).replaceAll("");
    Set<String> literals = new TreeSet<>();
    Matcher tags = TAG.matcher(code);
    while (tags.find()) {
      LITERAL.matcher(tags.group()).results().forEach(found -> literals.add(unquoted(found.group())));
    }
    String outside = TAG.matcher(code).replaceAll("\0");
    for (String text : outside.split("\0")) {
      literals.add(text.isBlank() ? "" : text.stripLeading());
    }
    String all = String.join("", literals);
    if (!KNOWN.containsAll(literals)
        || !all.contains("<start_of_turn>")
        || !all.contains("<end_of_turn>")) {
      return Optional.empty();
    }
    return Optional.of(
        systemHasTurn(code, literals, refusesSystem)
            ? ChatTemplate.GEMMA_WITH_SYSTEM_TURN
            : ChatTemplate.GEMMA);
  }

  /** If a template writes a system turn, or speaks of no system and lets every role through. */
  private static boolean systemHasTurn(String code, Set<String> literals, boolean refusesSystem) {
    if (literals.contains("<start_of_turn>system\n") || literals.contains("system\n")) {
      return true;
    }
    boolean checksOrder = code.contains("loop.index0 % 2");
    return !refusesSystem && !literals.contains("system") && !checksOrder;
  }

  private static String unquoted(String literal) {
    if (literal.length() < 2 || literal.charAt(0) != literal.charAt(literal.length() - 1)) {
      // never closed, and so nobody's
      return literal;
    }
    return literal.substring(1, literal.length() - 1).replace("\\n", "\n");
  }
}
