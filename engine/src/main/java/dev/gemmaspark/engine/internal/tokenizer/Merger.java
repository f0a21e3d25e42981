package dev.gemmaspark.engine.internal.tokenizer;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;

/**
 * Byte-pair encoding of one word as SentencePiece does it. Symbols are first the characters; the two neighbours that make the piece
 * of the highest score, of equal ones the leftmost, become one symbol, until no two neighbours make a piece. A symbol that is no
 * piece becomes its UTF-8 bytes. Takes n log n for n characters.
 *
 * <p>A symbol is known by the place of its first character. A queued place is stale if the pair there has changed since, which its
 * rank shows: whatever has the same rank at the same place is as good. Keeps its arrays from word to word; not thread-safe.
 */
final class Merger {
  private static final int PAIRS_PER_POLL = 1 << 12;

  private final PieceTable pieces;
  private final Vocabulary vocabulary;
  private final ByteFallback bytes;
  private final BooleanSupplier cancelled;
  private final MergeQueue queue = new MergeQueue();

  /** How the unused pieces of the word were made: length of the left part by id. */
  private final Map<Integer, Integer> leftParts = new HashMap<>();

  private char[] text;
  private int from;
  private int length;
  private int untilPoll = PAIRS_PER_POLL;

  /** For each symbol, all relative to {@code from}: its end, the symbol before it, and the rank of its pair with the next. */
  private int[] ends = new int[64];

  private int[] previous = new int[64];
  private int[] pairRanks = new int[64];

  Merger(PieceTable pieces, Vocabulary vocabulary, ByteFallback bytes, BooleanSupplier cancelled) {
    this.pieces = pieces;
    this.vocabulary = vocabulary;
    this.bytes = bytes;
    this.cancelled = cancelled;
  }

  /** Appends the ids of {@code text[from, to)}, which holds no lone surrogates. */
  void encode(char[] text, int from, int to, TokenBuffer out) {
    this.text = text;
    this.from = from;
    length = to - from;
    split();
    while (!queue.isEmpty()) {
      long entry = queue.poll();
      int left = MergeQueue.position(entry);
      if (pairRanks[left] == MergeQueue.rank(entry)) {
        merge(left);
      }
    }
    for (int symbol = 0; symbol < length; symbol = ends[symbol]) {
      emit(symbol, ends[symbol], out);
    }
    leftParts.clear();
    queue.reset();
  }

  private void split() {
    if (length > ends.length) {
      int capacity = length + (length >> 1);
      ends = new int[capacity];
      previous = new int[capacity];
      pairRanks = new int[capacity];
    }
    int before = -1;
    for (int symbol = 0; symbol < length; symbol = ends[symbol]) {
      ends[symbol] = symbol + (Character.isHighSurrogate(text[from + symbol]) ? 2 : 1);
      previous[symbol] = before;
      before = symbol;
    }
    for (int symbol = 0; symbol < length; symbol = ends[symbol]) {
      pair(symbol);
    }
  }

  private void merge(int left) {
    int right = ends[left];
    int end = ends[right];
    ends[left] = end;
    pairRanks[right] = PieceTable.NONE;
    if (end < length) {
      previous[end] = left;
    }
    pair(left);
    if (previous[left] >= 0) {
      pair(previous[left]);
    }
  }

  /** Notes, and queues, what the symbol makes with the next one. */
  private void pair(int left) {
    if (--untilPoll == 0) {
      untilPoll = PAIRS_PER_POLL;
      if (cancelled.getAsBoolean()) {
        throw new CancellationException("encoding was cancelled");
      }
    }
    int right = ends[left];
    pairRanks[left] = PieceTable.NONE;
    if (right == length) {
      return;
    }
    int id = pieces.find(text, from + left, from + ends[right]);
    if (id == PieceTable.NONE || pieces.rank(id) == PieceTable.NONE) {
      return;
    }
    pairRanks[left] = pieces.rank(id);
    queue.add(pieces.rank(id), left);
    if (vocabulary.types()[id] == TokenType.UNUSED) {
      leftParts.put(id, right - left);
    }
  }

  private void emit(int start, int end, TokenBuffer out) {
    int id = pieces.find(text, from + start, from + end);
    if (id == PieceTable.NONE) {
      bytes.encode(text, from + start, from + end, out);
      return;
    }
    Integer leftPart = leftParts.get(id);
    if (leftPart == null) {
      out.add(id);
    } else {
      emit(start, start + leftPart, out);
      emit(start + leftPart, end, out);
    }
  }
}
