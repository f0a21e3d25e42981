package dev.gemmaspark.engine.internal.scheduler;

import dev.gemmaspark.engine.generation.TokenListener;
import java.util.List;

/**
 * A completion's text as it grows: ends it at the first stop sequence, and tells the listener of what can no longer become part of
 * one.
 */
final class CompletionText {
  private final List<String> stopSequences;
  private final TokenListener listener;
  private final int heldBack;
  private final StringBuilder text = new StringBuilder();
  private int told;
  private boolean refused;

  CompletionText(List<String> stopSequences, TokenListener listener) {
    this.stopSequences = stopSequences;
    this.listener = listener;
    this.heldBack = Math.max(0, stopSequences.stream().mapToInt(String::length).max().orElse(0) - 1);
  }

  /** What became of a piece. */
  enum Outcome {
    GROWN,
    STOPPED,
    CANCELLED
  }

  /** Adds a piece of text. */
  Outcome append(String piece) {
    int searched = Math.max(0, text.length() - heldBack);
    text.append(piece);
    int stop = firstStop(searched);
    if (stop >= 0) {
      text.setLength(stop);
      return Outcome.STOPPED;
    }
    tell(text.length() - heldBack);
    return refused ? Outcome.CANCELLED : Outcome.GROWN;
  }

  /** Tells the listener of the rest, and returns all of the text; of one that wanted no more, what it has heard. */
  String finish() {
    tell(text.length());
    return refused ? text.substring(0, told) : text.toString();
  }

  private int firstStop(int from) {
    int first = -1;
    for (String stop : stopSequences) {
      int at = text.indexOf(stop, from);
      if (at >= 0 && (first < 0 || at < first)) {
        first = at;
      }
    }
    return first;
  }

  private void tell(int end) {
    // half of a surrogate pair is no character
    int whole = end > 0 && end < text.length() && Character.isHighSurrogate(text.charAt(end - 1)) ? end - 1 : end;
    if (refused || whole <= told) {
      return;
    }
    String piece = text.substring(told, whole);
    told = whole;
    refused = !listener.text(piece);
  }
}
