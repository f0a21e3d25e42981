package dev.gemmaspark.spark.rag;

import java.text.BreakIterator;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToIntFunction;

/**
 * Cuts texts on the borders of sentences, into spans of at most so many tokens. A sentence that is longer is cut between words, and a word
 * that is longer anywhere but within a character. Spans follow each other without gaps, so that together they are the text. Safe for use by
 * many threads if the counter is.
 */
public final class SentenceSplitter {
  private final ToIntFunction<String> tokens;

  /**
   * A part of a text, in UTF-16 units.
   *
   * @param start its first
   * @param end the one behind its last
   * @param tokens in it
   */
  public record Span(int start, int end, int tokens) {}

  /** @param tokens counts the tokens of a text */
  public SentenceSplitter(ToIntFunction<String> tokens) {
    this.tokens = tokens;
  }

  /**
   * The sentences of a text, with what space follows them.
   *
   * @param mostTokens of a span; at least 1
   */
  public List<Span> sentences(String text, int mostTokens) {
    return cut(text, 0, text.length(), mostTokens, BreakIterator.getSentenceInstance(Locale.ROOT));
  }

  /**
   * As few spans of whole sentences as there may be.
   *
   * @param mostTokens of a span; at least 1
   */
  public List<Span> pieces(String text, int mostTokens) {
    List<Span> pieces = new ArrayList<>();
    for (Span sentence : sentences(text, mostTokens)) {
      if (!pieces.isEmpty() && pieces.getLast().tokens() + sentence.tokens() <= mostTokens) {
        Span last = pieces.removeLast();
        pieces.add(new Span(last.start(), sentence.end(), last.tokens() + sentence.tokens()));
      } else {
        pieces.add(sentence);
      }
    }
    return pieces;
  }

  private List<Span> cut(String text, int start, int end, int mostTokens, BreakIterator borders) {
    List<Span> spans = new ArrayList<>();
    // of a part alone: an iterator over the whole would be moved to its start for every one
    borders.setText(text.substring(start, end));
    int from = borders.first();
    for (int to = borders.next(); to != BreakIterator.DONE; to = borders.next()) {
      int count = tokens.applyAsInt(text.substring(start + from, start + to));
      if (count <= mostTokens) {
        spans.add(new Span(start + from, start + to, count));
      } else {
        spans.addAll(smaller(text, start + from, start + to, mostTokens));
      }
      from = to;
    }
    return spans;
  }

  /** Of what is too long: its halves, cut between words if there is such a place, until they are not. */
  private List<Span> smaller(String text, int start, int end, int mostTokens) {
    int count = tokens.applyAsInt(text.substring(start, end));
    int middle = count <= mostTokens ? end : border(text, start, end);
    if (middle <= start || middle >= end) {
      return List.of(new Span(start, end, count));
    }
    List<Span> halves = new ArrayList<>(smaller(text, start, middle, mostTokens));
    halves.addAll(smaller(text, middle, end, mostTokens));
    return halves;
  }

  /** Behind the space nearest to the middle; else the middle, or beside it if it is within a surrogate pair. */
  private static int border(String text, int start, int end) {
    int middle = start + (end - start) / 2;
    for (int distance = 0; distance < (end - start) / 2; distance++) {
      if (Character.isWhitespace(text.charAt(middle + distance)) && middle + distance + 1 < end) {
        return middle + distance + 1;
      }
      if (Character.isWhitespace(text.charAt(middle - distance)) && middle - distance + 1 > start) {
        return middle - distance + 1;
      }
    }
    boolean insidePair = Character.isLowSurrogate(text.charAt(middle)) && middle > start && Character.isHighSurrogate(text.charAt(middle - 1));
    return insidePair ? middle + 1 : middle;
  }
}
