package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.error.ModelFormatException;
import dev.gemmaspark.engine.error.UnsupportedModelException;
import dev.gemmaspark.engine.internal.gguf.GgufMetadata;
import dev.gemmaspark.engine.internal.tokenizer.TokenType;
import dev.gemmaspark.engine.internal.tokenizer.Vocabulary;
import java.nio.file.Path;
import java.util.Locale;

/** The vocabulary of a GGUF file: {@code tokenizer.ggml.*}, of SentencePiece's kind. */
final class GgufVocabularyReader {
  private static final String PREFIX = "tokenizer.ggml.";
  private static final String SENTENCE_PIECE = "llama";
  private static final TokenType[] TYPES = TokenType.values();
  private static final int BOS = 2;
  private static final int EOS = 1;
  private static final int UNKNOWN = 3;

  private GgufVocabularyReader() {}

  static Vocabulary read(Path path, GgufMetadata metadata) {
    String kind = metadata.string(PREFIX + "model");
    if (!kind.equals(SENTENCE_PIECE)) {
      throw new UnsupportedModelException(
          String.format(Locale.ROOT, "%s has a tokenizer of kind '%s'; Gemma's is '%s' (SentencePiece)", path, kind, SENTENCE_PIECE));
    }
    // counted before they are decoded: a piece takes many times its bytes
    int pieces = metadata.length(PREFIX + "tokens");
    int scores = metadata.length(PREFIX + "scores");
    int types = metadata.length(PREFIX + "token_type");
    if (pieces > ConfigReader.LARGEST_SIZE || scores != pieces || types != pieces) {
      throw new ModelFormatException(
          path,
          ModelFormatException.NO_OFFSET,
          String.format(
              Locale.ROOT,
              "the vocabulary has %d pieces, %d scores and %d types; the three must be as many, and at most %d",
              pieces, scores, types, ConfigReader.LARGEST_SIZE));
    }
    return Vocabulary.of(
        path,
        metadata.strings(PREFIX + "tokens"),
        metadata.floats(PREFIX + "scores"),
        types(path, metadata),
        metadata.optionalInteger(PREFIX + "bos_token_id").orElse(BOS),
        metadata.optionalInteger(PREFIX + "eos_token_id").orElse(EOS),
        metadata.optionalInteger(PREFIX + "unknown_token_id").orElse(UNKNOWN));
  }

  private static TokenType[] types(Path path, GgufMetadata metadata) {
    int[] numbers = metadata.integers(PREFIX + "token_type");
    TokenType[] types = new TokenType[numbers.length];
    for (int id = 0; id < numbers.length; id++) {
      if (numbers[id] < 1 || numbers[id] > TYPES.length) {
        throw new ModelFormatException(
            path,
            ModelFormatException.NO_OFFSET,
            String.format(Locale.ROOT, "piece %d of the vocabulary has type %d; 1 to %d expected", id, numbers[id], TYPES.length));
      }
      types[id] = TYPES[numbers[id] - 1];
    }
    return types;
  }
}
