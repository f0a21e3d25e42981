package dev.gemmaspark.engine.internal.tokenizer;

import dev.gemmaspark.engine.error.ModelFormatException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * The pieces of a tokenizer; a token id is an index into them. Spaces in pieces are U+2581 as in SentencePiece, or plain as in the
 * user-defined pieces of GGUF: both mean a space. Immutable: the arrays are not to be changed after they were handed in.
 *
 * <p>Gemma's structural pieces ({@code <start_of_turn>}, {@code <unused7>}, …) are {@link TokenType#CONTROL} here even where the
 * file calls them user-defined, as the published {@code tokenizer.model} does: else text could forge a turn.
 *
 * @param pieces the texts
 * @param scores of the normal pieces: a higher score is merged first; negative infinity if no merge makes the piece
 * @param types what each piece is for
 * @param bos id of {@code <bos>}
 * @param eos id of {@code <eos>}
 * @param unknown id of {@code <unk>}
 * @param startOfTurn id of {@code <start_of_turn>}, where the vocabulary has it
 * @param endOfTurn id of {@code <end_of_turn>}, where the vocabulary has it
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
  /** What stands for a space in pieces. */
  static final char SPACE = '\u2581';

  static final String START_OF_TURN = "<start_of_turn>";
  static final String END_OF_TURN = "<end_of_turn>";

  /** A longer piece is no language's; without a limit, looking up hostile pieces would take quadratic time. */
  static final int LONGEST_PIECE = 1024;

  private static final Pattern STRUCTURE =
      Pattern.compile(
          "<(pad|bos|eos|mask|2mass|start_of_turn|end_of_turn|unused[0-9]+)>|\\[@BOS@\\]");
  private static final Pattern BYTE_PIECE = Pattern.compile("<0x[0-9A-F]{2}>");

  /**
   * @throws IllegalArgumentException if the parts do not make a vocabulary; what comes from a file goes through {@link #of}
   */
  public Vocabulary {
    problem(pieces, scores, types, bos, eos, unknown)
        .ifPresent(
            problem -> {
              throw new IllegalArgumentException(problem);
            });
    types = types.clone();
    for (int id = 0; id < pieces.length; id++) {
      if (types[id] != TokenType.UNKNOWN && STRUCTURE.matcher(pieces[id]).matches()) {
        types[id] = TokenType.CONTROL;
      }
    }
    types[bos] = TokenType.CONTROL;
    types[eos] = TokenType.CONTROL;
    types[unknown] = TokenType.UNKNOWN;
  }

  /**
   * A vocabulary from a model or tokenizer file, checked; the turn markers are found by their texts.
   *
   * @throws ModelFormatException if the parts do not make a vocabulary
   */
  public static Vocabulary of(
      Path file, String[] pieces, float[] scores, TokenType[] types, int bos, int eos, int unknown) {
    problem(pieces, scores, types, bos, eos, unknown)
        .ifPresent(
            problem -> {
              throw new ModelFormatException(file, ModelFormatException.NO_OFFSET, problem);
            });
    OptionalInt start = OptionalInt.empty();
    OptionalInt end = OptionalInt.empty();
    for (int id = 0; id < pieces.length; id++) {
      if (pieces[id].equals(START_OF_TURN)) {
        start = OptionalInt.of(id);
      } else if (pieces[id].equals(END_OF_TURN)) {
        end = OptionalInt.of(id);
      }
    }
    return new Vocabulary(pieces, scores, types, bos, eos, unknown, start, end);
  }

  public int size() {
    return pieces.length;
  }

  /** The byte that a {@link TokenType#BYTE} piece stands for. */
  byte byteOf(int id) {
    return (byte) Integer.parseInt(pieces[id], 3, 5, 16);
  }

  /** Whether a text is that of a byte piece. */
  static boolean isByte(String piece) {
    return BYTE_PIECE.matcher(piece).matches();
  }

  private static Optional<String> problem(
      String[] pieces, float[] scores, TokenType[] types, int bos, int eos, int unknown) {
    int size = pieces.length;
    if (scores.length != size || types.length != size) {
      return Optional.of(
          String.format(Locale.ROOT, "the vocabulary has %d pieces, %d scores and %d types; the three must be as many",
              size, scores.length, types.length));
    }
    for (var special : Map.of("bos", bos, "eos", eos, "unknown", unknown).entrySet()) {
      if (special.getValue() < 0 || special.getValue() >= size) {
        return Optional.of(
            String.format(Locale.ROOT, "the %s token has id %d, but the vocabulary has %d pieces", special.getKey(), special.getValue(), size));
      }
    }
    Map<String, Integer> ids = HashMap.newHashMap(size);
    for (int id = 0; id < size; id++) {
      Optional<String> problem = problem(id, pieces[id], scores[id], types[id]);
      if (problem.isPresent()) {
        return problem;
      }
      Integer twin = ids.put(pieces[id], id);
      if (twin != null) {
        return Optional.of(String.format(Locale.ROOT, "pieces %d and %d have the same text", twin, id));
      }
    }
    return Optional.empty();
  }

  private static Optional<String> problem(int id, String piece, float score, TokenType type) {
    Objects.requireNonNull(type, "type");
    if (piece.isEmpty() || piece.length() > LONGEST_PIECE) {
      return Optional.of(
          String.format(Locale.ROOT, "piece %d has %d characters; 1 to %d expected", id, piece.length(), LONGEST_PIECE));
    }
    if (type == TokenType.BYTE && !isByte(piece)) {
      return Optional.of(String.format(Locale.ROOT, "piece %d is a byte, but its text is not of the form <0x0A>", id));
    }
    if (Float.isNaN(score)) {
      return Optional.of(String.format(Locale.ROOT, "piece %d has a score that is not a number", id));
    }
    return Optional.empty();
  }
}
