package dev.gemmaspark.spark.rag;

import java.util.ArrayList;
import java.util.List;

/** The headings that a place in a document stands under, while it is read from its start; and the sections between them. */
final class Headings {
  private static final int DEEPEST = 6;

  private final String[] open = new String[DEEPEST];
  private final List<ParsedDocument.Section> sections = new ArrayList<>();
  private String first;
  private int start;

  /**
   * A heading.
   *
   * @param level from 1
   * @param from where it starts in the text
   * @param to behind its end
   */
  void open(int level, String heading, int from, int to) {
    close(from);
    open[level - 1] = heading;
    for (int below = level; below < DEEPEST; below++) {
      open[below] = null;
    }
    if (first == null) {
      first = heading;
    }
    start = to;
  }

  /** The end of the text. */
  List<ParsedDocument.Section> end(int length) {
    close(length);
    return sections;
  }

  /** The first heading of all, or what is given if there is none. */
  String title(String otherwise) {
    return first == null || first.isBlank() ? otherwise : first;
  }

  private void close(int end) {
    if (end > start) {
      List<String> path = new ArrayList<>();
      for (String heading : open) {
        if (heading != null) {
          path.add(heading);
        }
      }
      sections.add(new ParsedDocument.Section(start, end, String.join(" > ", path)));
    }
  }
}
