package dev.gemmaspark.spark.rag;

import dev.gemmaspark.spark.rag.SentenceSplitter.Span;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToIntFunction;

/**
 * Cuts documents into passages: whole sentences of one section, about so many tokens, each but the first beginning with the last sentences of
 * the one before. Safe for use by many threads if the counter is.
 */
final class PassageSplitter {
  /** Rises when the same document would give other passages. */
  static final int VERSION = 1;

  private static final String PARAGRAPHS = "\\n[ \\t\\r]*\\n";

  private final Sizes sizes;
  private final SentenceSplitter sentences;

  /**
   * How long passages are, in tokens.
   *
   * @param target where one is cut
   * @param most of one, which a last sentence, or the rest of a section, may fill
   * @param overlap with the one before, at the most
   */
  record Sizes(int target, int most, int overlap) implements Serializable {
    private static final long serialVersionUID = 1L;
    static final Sizes DEFAULT = new Sizes(384, 512, 50);

    Sizes {
      if (overlap < 0 || overlap >= target || target > most) {
        throw new IllegalArgumentException("overlap " + overlap + ", target " + target + ", most " + most);
      }
    }
  }

  PassageSplitter(ToIntFunction<String> tokens, Sizes sizes) {
    this.sizes = sizes;
    this.sentences = new SentenceSplitter(tokens);
  }

  List<Passage> split(String docId, ParsedDocument document) {
    List<Passage> passages = new ArrayList<>();
    for (ParsedDocument.Section section : document.sections()) {
      for (Span span : spans(document.text(), section)) {
        String text = document.text().substring(span.start(), span.end());
        passages.add(
            new Passage(
                chunkId(docId, span, text), docId, passages.size(), span.start(), span.end(), section.headings(), text, span.tokens()));
      }
    }
    return passages;
  }

  private List<Span> spans(String text, ParsedDocument.Section section) {
    List<Span> units = units(text, section);
    List<Span> spans = new ArrayList<>();
    int left = units.stream().mapToInt(Span::tokens).sum();
    int first = 0;
    while (first < units.size()) {
      int end = first;
      int tokens = 0;
      while (end < units.size() && (end == first || tokens + units.get(end).tokens() <= sizes.target)) {
        tokens += units.get(end++).tokens();
      }
      if (left <= sizes.most) {
        // a rest that fits is no passage of its own
        end = units.size();
        tokens = left;
      }
      spans.add(trimmed(text, units.get(first).start(), units.get(end - 1).end(), tokens));
      int next = end == units.size() ? end : overlapStart(units, first, end);
      left -= units.subList(first, next).stream().mapToInt(Span::tokens).sum();
      first = next;
    }
    return spans.stream().filter(span -> span.end() > span.start()).toList();
  }

  /** The first of the last sentences that the next passage repeats: never all of them. */
  private int overlapStart(List<Span> units, int first, int end) {
    int start = end;
    int tokens = 0;
    while (start - 1 > first && tokens + units.get(start - 1).tokens() <= sizes.overlap) {
      tokens += units.get(--start).tokens();
    }
    // the next one must get further than this one
    return start < end && tokens + units.get(end).tokens() > sizes.target ? end : start;
  }

  /** Sentences; a paragraph's end is one's end too. */
  private List<Span> units(String text, ParsedDocument.Section section) {
    List<Span> units = new ArrayList<>();
    int at = section.start();
    for (String paragraph : text.substring(section.start(), section.end()).splitWithDelimiters(PARAGRAPHS, -1)) {
      if (!paragraph.isBlank()) {
        int start = at;
        for (Span sentence : sentences.sentences(paragraph, sizes.most)) {
          units.add(new Span(start + sentence.start(), start + sentence.end(), sentence.tokens()));
        }
      }
      at += paragraph.length();
    }
    return units;
  }

  private static Span trimmed(String text, int start, int end, int tokens) {
    int from = start;
    int to = end;
    while (from < to && Character.isWhitespace(text.charAt(from))) {
      from++;
    }
    while (to > from && Character.isWhitespace(text.charAt(to - 1))) {
      to--;
    }
    return new Span(from, to, tokens);
  }

  private static String chunkId(String docId, Span span, String text) {
    return Hashes.sha256(docId + "\u0000" + VERSION + "\u0000" + span.start() + "\u0000" + span.end() + "\u0000" + text).substring(0, 16);
  }
}
