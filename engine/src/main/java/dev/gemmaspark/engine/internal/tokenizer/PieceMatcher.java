package dev.gemmaspark.engine.internal.tokenizer;

import java.util.Arrays;

/**
 * Finds the longest of some pieces that starts at a place in the text: the pieces that are cut out before merging. A trie, so that
 * a text full of near misses costs no more than the depth of one piece per character. Immutable once all pieces are added.
 */
final class PieceMatcher {
  private final Node root = new Node();

  void add(String piece, int id) {
    Node node = root;
    for (int i = 0; i < piece.length(); i++) {
      char c = piece.charAt(i);
      node = node.childOrNew(c == ' ' ? Vocabulary.SPACE : c);
    }
    node.id = id;
    node.length = piece.length();
  }

  /** The longest piece at {@code from}, or null. */
  Node longest(char[] text, int from) {
    Node node = root;
    Node longest = null;
    for (int i = from; i < text.length; i++) {
      node = node.child(text[i]);
      if (node == null) {
        break;
      }
      if (node.length > 0) {
        longest = node;
      }
    }
    return longest;
  }

  /** A place in the trie; where a piece ends, its id and its length in characters, else length 0. */
  static final class Node {
    private char[] characters = {};
    private Node[] children = {};
    private int id;
    private int length;

    int id() {
      return id;
    }

    int length() {
      return length;
    }

    private Node child(char c) {
      int index = Arrays.binarySearch(characters, c);
      return index < 0 ? null : children[index];
    }

    private Node childOrNew(char c) {
      Node child = child(c);
      if (child == null) {
        child = new Node();
        int index = -Arrays.binarySearch(characters, c) - 1;
        characters = Arrays.copyOf(characters, characters.length + 1);
        children = Arrays.copyOf(children, children.length + 1);
        System.arraycopy(characters, index, characters, index + 1, characters.length - index - 1);
        System.arraycopy(children, index, children, index + 1, children.length - index - 1);
        characters[index] = c;
        children[index] = child;
      }
      return child;
    }
  }
}
