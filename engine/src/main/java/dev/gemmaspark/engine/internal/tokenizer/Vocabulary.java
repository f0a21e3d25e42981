package dev.gemmaspark.engine.internal.tokenizer;

import java.util.OptionalInt;

/**
 * The pieces of a tokenizer; a token id is an index into them. Spaces in pieces are U+2581 as in SentencePiece. Immutable: the
 * arrays are not to be changed after they were handed in.
 *
 * @param pieces the texts
 * @param scores of the normal pieces: a higher score is merged first
 * @param types what each piece is for
 * @param bos id of {@code <bos>}
 * @param eos id of {@code <eos>}
 * @param unknown id of {@code <unk>}
 * @param endOfTurn id of {@code <end_of_turn>}, where the vocabulary has it
 * @param startOfTurn id of {@code <start_of_turn>}, where the vocabulary has it
 */
public record Vocabulary(
    String[] pieces,
    float[] scores,
    TokenType[] types,
    int bos,
    int eos,
    int unknown,
    OptionalInt startOfTurn,
    OptionalInt endOfTurn) {

  public int size() {
    return pieces.length;
  }
}
