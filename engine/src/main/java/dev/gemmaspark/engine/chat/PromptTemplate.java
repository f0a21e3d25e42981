package dev.gemmaspark.engine.chat;

import dev.gemmaspark.engine.error.InvalidSettingException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * Text with places for columns: {@code Translate: {body}}. <code>{{</code> and <code>}}</code> stand for single braces. Expanded
 * once: braces in a value are text. Immutable.
 */
public final class PromptTemplate {
  private final List<Part> parts;
  private final Set<String> names;

  private PromptTemplate(List<Part> parts) {
    this.parts = List.copyOf(parts);
    Set<String> found = new LinkedHashSet<>();
    for (Part part : parts) {
      if (part instanceof Placeholder(String name)) {
        found.add(name);
      }
    }
    names = Collections.unmodifiableSet(found);
  }

  /**
   * Reads a template.
   *
   * @throws InvalidSettingException if a brace has no partner or encloses nothing
   */
  public static PromptTemplate parse(String template) {
    List<Part> parts = new ArrayList<>();
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < template.length(); i++) {
      char c = template.charAt(i);
      if (c != '{' && c != '}') {
        text.append(c);
      } else if (i + 1 < template.length() && template.charAt(i + 1) == c) {
        text.append(c);
        i++;
      } else if (c == '}') {
        throw invalid(i, "a '}' without a '{'");
      } else {
        int end = endOfName(template, i);
        parts.add(new Literal(text.toString()));
        text.setLength(0);
        parts.add(new Placeholder(template.substring(i + 1, end)));
        i = end;
      }
    }
    parts.add(new Literal(text.toString()));
    return new PromptTemplate(parts);
  }

  /** The columns that the template names, in the order of their first appearance. */
  public Set<String> names() {
    return names;
  }

  /**
   * Checks that there is a column for every place.
   *
   * @throws InvalidSettingException if not; it lists the columns
   */
  public void check(Collection<String> columns) {
    for (String name : names) {
      if (!columns.contains(name)) {
        throw new InvalidSettingException(
            String.format(
                Locale.ROOT, "the prompt template names the column '%s', which does not exist; the columns are %s. A brace that is meant as",
                name, String.join(", ", columns))
                + " text is written twice");
      }
    }
  }

  /**
   * The text with its places filled.
   *
   * @param value of a column; called once for every place, never returns null
   */
  public String expand(UnaryOperator<String> value) {
    StringBuilder text = new StringBuilder();
    for (Part part : parts) {
      text.append(
          switch (part) {
            case Literal(String literal) -> literal;
            case Placeholder(String name) -> Objects.requireNonNull(value.apply(name), name);
          });
    }
    return text.toString();
  }

  private static int endOfName(String template, int start) {
    int end = template.indexOf('}', start);
    int nested = template.indexOf('{', start + 1);
    if (end < 0 || nested >= 0 && nested < end) {
      throw invalid(start, "a '{' without a '}'");
    }
    if (end == start + 1) {
      throw invalid(start, "braces without a column");
    }
    return end;
  }

  private static InvalidSettingException invalid(int index, String found) {
    return new InvalidSettingException(
        String.format(Locale.ROOT, "the prompt template has %s at character %d; a column is written {column}, a brace that is meant as text twice",
            found, index + 1));
  }

  private sealed interface Part {}

  private record Literal(String text) implements Part {}

  private record Placeholder(String name) implements Part {}
}
