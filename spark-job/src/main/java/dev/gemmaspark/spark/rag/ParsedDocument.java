package dev.gemmaspark.spark.rag;

import java.util.List;

/**
 * A document's text, and where its parts are.
 *
 * @param title for people; never empty
 * @param text what offsets point into, in UTF-16 units
 * @param sections in their order; what is in none, headings above all, is in no passage
 * @param removedHiddenCharacters comments and characters that no reader sees, which were left out of the text
 */
record ParsedDocument(String title, String text, List<Section> sections, int removedHiddenCharacters) {
  /**
   * What stands under a heading.
   *
   * @param start of its text
   * @param end of its text
   * @param headings of it and of what it is part of, outermost first, joined by {@code " > "}; empty above the first heading
   */
  record Section(int start, int end, String headings) {}

  ParsedDocument {
    sections = List.copyOf(sections);
  }

  /** Whether there is anything to read. */
  boolean isEmpty() {
    return sections.stream().allMatch(section -> text.substring(section.start(), section.end()).isBlank());
  }
}
