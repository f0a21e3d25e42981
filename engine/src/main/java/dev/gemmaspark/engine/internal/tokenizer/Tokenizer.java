package dev.gemmaspark.engine.internal.tokenizer;

import java.util.Objects;
import java.util.function.BooleanSupplier;

/**
 * Text to token ids and back, exactly as SentencePiece does it for Gemma: no dummy prefix, no normalization, byte fallback.
 *
 * <p>Encoding: a space becomes U+2581. User-defined pieces (and, where asked for, control pieces) are cut out, the leftmost first
 * and the longest of those that start at one place. What is left is cut into words at {@link WordBoundaries}, and every word is
 * encoded by a {@link Merger}. All texts encode; a lone surrogate counts as U+FFFD, as it does for every decoder of UTF-8. No
 * {@code <bos>} is added.
 *
 * <p>Immutable and safe for use by many threads.
 */
public final class Tokenizer {
  private static final BooleanSupplier NEVER = () -> false;

  private final Vocabulary vocabulary;
  private final PieceTable pieces;
  private final ByteFallback bytes;
  private final WordBoundaries boundaries;
  private final int longestPiece;
  private final PieceMatcher userDefined = new PieceMatcher();
  private final PieceMatcher userDefinedAndControl = new PieceMatcher();

  public Tokenizer(Vocabulary vocabulary) {
    this.vocabulary = Objects.requireNonNull(vocabulary, "vocabulary");
    pieces = new PieceTable(vocabulary);
    bytes = new ByteFallback(vocabulary);
    boundaries = new WordBoundaries(vocabulary);
    int longest = 1;
    for (int id = 0; id < vocabulary.size(); id++) {
      longest = Math.max(longest, vocabulary.pieces()[id].length());
      TokenType type = vocabulary.types()[id];
      if (type == TokenType.USER_DEFINED) {
        userDefined.add(vocabulary.pieces()[id], id);
        userDefinedAndControl.add(vocabulary.pieces()[id], id);
      } else if (type == TokenType.CONTROL || type == TokenType.UNKNOWN) {
        userDefinedAndControl.add(vocabulary.pieces()[id], id);
      }
    }
    longestPiece = longest;
  }

  public Vocabulary vocabulary() {
    return vocabulary;
  }

  /** The token ids of a text. */
  public int[] encode(String text, ControlTokens controlTokens) {
    return encode(text, controlTokens, NEVER);
  }

  /**
   * The token ids of a text.
   *
   * @param cancelled asked every few thousand characters whether to give up
   * @throws java.util.concurrent.CancellationException if {@code cancelled} says so
   */
  public int[] encode(String text, ControlTokens controlTokens, BooleanSupplier cancelled) {
    char[] characters = normalized(text);
    PieceMatcher matcher =
        switch (controlTokens) {
          case AS_TEXT -> userDefined;
          case PARSED -> userDefinedAndControl;
        };
    TokenBuffer out = new TokenBuffer();
    Merger merger = new Merger(pieces, vocabulary, bytes, cancelled);
    int start = 0;
    for (int i = 0; i < characters.length; ) {
      PieceMatcher.Node cut = matcher.longest(characters, i);
      if (cut != null) {
        encodeWord(characters, start, i, merger, out);
        out.add(cut.id());
        i += cut.length();
        start = i;
      } else {
        if (i > start && boundaries.between(characters, i)) {
          encodeWord(characters, start, i, merger, out);
          start = i;
        }
        i++;
      }
    }
    encodeWord(characters, start, characters.length, merger, out);
    return out.toArray();
  }

  /** At least so many tokens has a text of this length: what cannot fit a context need not be encoded to know it. */
  public int fewestTokens(int characters) {
    return Math.ceilDiv(characters, longestPiece);
  }

  /** The text of some tokens; control tokens have none. */
  public String decode(int... ids) {
    StreamingDetokenizer detokenizer = new StreamingDetokenizer(vocabulary);
    StringBuilder text = new StringBuilder();
    for (int id : ids) {
      text.append(detokenizer.feed(id));
    }
    return text.append(detokenizer.finish()).toString();
  }

  private void encodeWord(char[] text, int from, int to, Merger merger, TokenBuffer out) {
    if (from < to) {
      merger.encode(text, from, to, out);
    }
  }

  private static char[] normalized(String text) {
    char[] characters = text.toCharArray();
    for (int i = 0; i < characters.length; i++) {
      char c = characters[i];
      if (c == ' ') {
        characters[i] = Vocabulary.SPACE;
      } else if (Character.isSurrogate(c)) {
        if (i + 1 < characters.length && Character.isSurrogatePair(c, characters[i + 1])) {
          i++;
        } else {
          characters[i] = '\uFFFD';
        }
      }
    }
    return characters;
  }
}
