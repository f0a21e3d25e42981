package dev.gemmaspark.engine.internal.tokenizer;

import dev.gemmaspark.engine.error.UnsupportedModelException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Reads {@code tokenizer.model}: SentencePiece's {@code ModelProto}. Of it: 1 pieces {1 text, 2 score, 3 type}, 2 trainer {3 model type,
 * 24 spaces at word ends, 40 unknown id, 41 bos id, 42 eos id}, 3 normalizer {2 character map, 3 dummy prefix, 4 extra spaces removed,
 * 5 spaces escaped}.
 *
 * @see <a href="https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto">The format</a>
 */
final class SentencePieceReader {
  private static final int BPE = 2;

  /** In the order of the format, which is GGUF's too. */
  private static final TokenType[] TYPES = TokenType.values();

  private final Path file;
  private final List<String> pieces = new ArrayList<>();
  private final List<Float> scores = new ArrayList<>();
  private final List<TokenType> types = new ArrayList<>();

  /** Of all that is read here, the defaults are the format's. */
  private int modelType = 1;

  private int unknown = 0;
  private int bos = 1;
  private int eos = 2;

  SentencePieceReader(Path file) {
    this.file = file;
  }

  Vocabulary read(byte[] bytes) {
    ProtobufReader model = new ProtobufReader(file, bytes);
    boolean normalized = false;
    while (model.next()) {
      switch (model.field()) {
        case 1 -> readPiece(model.readMessage());
        case 2 -> readTrainer(model.readMessage());
        case 3 -> {
          readNormalizer(model.readMessage());
          normalized = true;
        }
        default -> model.skip();
      }
    }
    if (pieces.isEmpty()) {
      throw model.broken("no pieces; this is not a SentencePiece model");
    }
    if (modelType != BPE) {
      throw unsupported(String.format(Locale.ROOT, "its type is %d; Gemma's is byte-pair encoding, %d", modelType, BPE));
    }
    if (!normalized) {
      throw unsupported("it names no normalizer and so would add a space before every text");
    }
    float[] scoreOf = new float[scores.size()];
    for (int id = 0; id < scoreOf.length; id++) {
      scoreOf[id] = scores.get(id);
    }
    return Vocabulary.of(
        file,
        pieces.toArray(String[]::new),
        scoreOf,
        types.toArray(TokenType[]::new),
        bos,
        eos,
        unknown);
  }

  private void readPiece(ProtobufReader piece) {
    String text = "";
    float score = 0;
    TokenType type = TokenType.NORMAL;
    while (piece.next()) {
      switch (piece.field()) {
        case 1 -> text = piece.readString();
        case 2 -> score = piece.readFloat();
        case 3 -> {
          int number = piece.readInt();
          if (number < 1 || number > TYPES.length) {
            throw piece.broken(String.format(Locale.ROOT, "a piece has type %d; 1 to %d expected", number, TYPES.length));
          }
          type = TYPES[number - 1];
        }
        default -> piece.skip();
      }
    }
    pieces.add(text);
    scores.add(score);
    types.add(type);
  }

  private void readTrainer(ProtobufReader trainer) {
    while (trainer.next()) {
      switch (trainer.field()) {
        case 3 -> modelType = trainer.readInt();
        case 24 -> refuse(trainer.readBoolean(), "puts spaces at the ends of words");
        case 40 -> unknown = trainer.readInt();
        case 41 -> bos = trainer.readInt();
        case 42 -> eos = trainer.readInt();
        default -> trainer.skip();
      }
    }
  }

  private void readNormalizer(ProtobufReader normalizer) {
    boolean dummyPrefix = true;
    boolean removesSpaces = true;
    boolean escapesSpaces = true;
    boolean hasMap = false;
    while (normalizer.next()) {
      switch (normalizer.field()) {
        case 2 -> hasMap = normalizer.readLength() > 0;
        case 3 -> dummyPrefix = normalizer.readBoolean();
        case 4 -> removesSpaces = normalizer.readBoolean();
        case 5 -> escapesSpaces = normalizer.readBoolean();
        default -> normalizer.skip();
      }
    }
    refuse(hasMap, "normalizes characters");
    refuse(dummyPrefix, "adds a space before every text");
    refuse(removesSpaces, "removes spaces");
    refuse(!escapesSpaces, "keeps plain spaces");
  }

  private void refuse(boolean otherwise, String how) {
    if (otherwise) {
      throw unsupported("it " + how + "; Gemma's does not");
    }
  }

  private UnsupportedModelException unsupported(String reason) {
    return new UnsupportedModelException(file + " is not a tokenizer for Gemma: " + reason);
  }
}
