package dev.gemmaspark.engine.internal.tokenizer;

/**
 * Where a text can be cut before merging without changing a single token: between two characters that stand side by side in no
 * piece. A merge across such a place would make a piece that has the two side by side, and merges apart from each other do not
 * touch. In Gemma's vocabulary that is before every space, around newlines and tabs, around what no piece has, and more. Immutable.
 *
 * <p>Works on UTF-16 units, never between a high and a low surrogate.
 */
final class WordBoundaries {
  private final int mask;

  /** Open addressing with linear probing: both units of a pair that some piece holds, or 0 where free. */
  private final int[] pairs;

  /** Where no cut is allowed at all: how unused pieces are taken apart depends on the whole text. */
  private final boolean none;

  WordBoundaries(Vocabulary vocabulary) {
    int[] slots = new int[1 << 10];
    int used = 0;
    boolean unused = false;
    for (int id = 0; id < vocabulary.size(); id++) {
      TokenType type = vocabulary.types()[id];
      unused |= type == TokenType.UNUSED;
      if (type == TokenType.NORMAL) {
        String piece = vocabulary.pieces()[id];
        for (int i = 1; i < piece.length(); i++) {
          if (add(slots, pair(piece.charAt(i - 1), piece.charAt(i))) && ++used * 4 > slots.length) {
            slots = grown(slots);
          }
        }
      }
    }
    pairs = slots;
    mask = slots.length - 1;
    none = unused;
  }

  /** Whether {@code text} can be cut before {@code index}, which is inside it. */
  boolean between(char[] text, int index) {
    char next = text[index];
    if (none || Character.isLowSurrogate(next)) {
      return false;
    }
    int pair = pair(text[index - 1], next);
    int slot = slot(pair, mask);
    while (pairs[slot] != 0) {
      if (pairs[slot] == pair) {
        return false;
      }
      slot = (slot + 1) & mask;
    }
    return true;
  }

  private static boolean add(int[] slots, int pair) {
    int slot = slot(pair, slots.length - 1);
    while (slots[slot] != 0) {
      if (slots[slot] == pair) {
        return false;
      }
      slot = (slot + 1) & slots.length - 1;
    }
    slots[slot] = pair;
    return true;
  }

  private static int[] grown(int[] slots) {
    int[] grown = new int[slots.length * 2];
    for (int pair : slots) {
      if (pair != 0) {
        add(grown, pair);
      }
    }
    return grown;
  }

  /** Never 0, which marks a free slot: U+0000 twice shares the value of U+0000 U+0001, at worst missing a cut. */
  private static int pair(char first, char second) {
    int pair = first << 16 | second;
    return pair == 0 ? 1 : pair;
  }

  private static int slot(int pair, int mask) {
    int hash = pair * 0x9E3779B9;
    return (hash ^ hash >>> 15) & mask;
  }
}
