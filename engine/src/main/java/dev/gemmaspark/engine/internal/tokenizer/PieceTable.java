package dev.gemmaspark.engine.internal.tokenizer;

import java.util.Arrays;

/**
 * Which span of text is which piece: the normal and unused pieces of a vocabulary by their characters. Finds without making a
 * string of the span. Also the order in which pieces are merged. Immutable.
 */
final class PieceTable {
  static final int NONE = -1;

  private final String[] pieces;
  private final int[] ranks;
  private final int longest;
  private final int mask;

  /** Open addressing with linear probing, at most half full: id + 1, or 0 where free. */
  private final int[] slots;

  PieceTable(Vocabulary vocabulary) {
    pieces = vocabulary.pieces();
    ranks = ranks(vocabulary.scores());
    TokenType[] types = vocabulary.types();
    slots = new int[Integer.highestOneBit(Math.max(4, pieces.length)) * 4];
    mask = slots.length - 1;
    int longest = 1;
    for (int id = 0; id < pieces.length; id++) {
      if (types[id] == TokenType.NORMAL || types[id] == TokenType.UNUSED) {
        longest = Math.max(longest, pieces[id].length());
        char[] text = pieces[id].toCharArray();
        int slot = slot(text, 0, text.length);
        while (slots[slot] != 0) {
          slot = (slot + 1) & mask;
        }
        slots[slot] = id + 1;
      }
    }
    this.longest = longest;
  }

  /** The id of the piece that is exactly {@code text[from, to)}, or {@link #NONE}. */
  int find(char[] text, int from, int to) {
    if (to - from > longest) {
      return NONE;
    }
    for (int slot = slot(text, from, to); slots[slot] != 0; slot = (slot + 1) & mask) {
      int id = slots[slot] - 1;
      if (equal(pieces[id], text, from, to)) {
        return id;
      }
    }
    return NONE;
  }

  /** The place of a piece in the order of merging: 0 for the highest score, {@link #NONE} if no merge makes the piece. */
  int rank(int id) {
    return ranks[id];
  }

  /** Equal scores have equal ranks, so that among them the leftmost place is merged first. */
  private static int[] ranks(float[] scores) {
    float[] ascending = scores.clone();
    for (int i = 0; i < ascending.length; i++) {
      ascending[i] += 0.0f; // -0 is 0
    }
    Arrays.sort(ascending);
    int[] ranks = new int[scores.length];
    for (int id = 0; id < ranks.length; id++) {
      boolean merged = scores[id] != Float.NEGATIVE_INFINITY;
      ranks[id] = merged ? firstAbove(ascending, scores[id]) : NONE;
    }
    return ranks;
  }

  /** How many scores are higher. */
  private static int firstAbove(float[] ascending, float score) {
    int low = 0;
    int high = ascending.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (ascending[middle] > score) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return ascending.length - low;
  }

  private int slot(char[] text, int from, int to) {
    int hash = 0;
    for (int i = from; i < to; i++) {
      hash = 31 * hash + text[i];
    }
    // A small power of 31 leaves neighbours in neighbouring slots; the golden ratio spreads them.
    hash *= 0x9E3779B9;
    return (hash ^ hash >>> 15) & mask;
  }

  private static boolean equal(String piece, char[] text, int from, int to) {
    if (piece.length() != to - from) {
      return false;
    }
    for (int i = 0; i < piece.length(); i++) {
      if (piece.charAt(i) != text[from + i]) {
        return false;
      }
    }
    return true;
  }
}
