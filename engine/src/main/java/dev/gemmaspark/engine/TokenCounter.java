package dev.gemmaspark.engine;

import dev.gemmaspark.engine.internal.tokenizer.ControlTokens;
import dev.gemmaspark.engine.internal.tokenizer.Tokenizer;
import dev.gemmaspark.engine.internal.tokenizer.VocabularyReader;
import dev.gemmaspark.engine.internal.weights.ModelChecksum;
import dev.gemmaspark.engine.internal.weights.ModelLoader;
import java.nio.file.Path;

/** A model's tokenizer, without its weights. Immutable and safe for use by many threads. */
public final class TokenCounter {
  private final Tokenizer tokenizer;

  private TokenCounter(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  /**
   * The tokenizer of a model.
   *
   * @param options of which the model and the cache folder are followed
   * @throws dev.gemmaspark.engine.error.GemmaException if the model is missing, broken or of another kind
   */
  public static TokenCounter ofModel(EngineOptions options) {
    return new TokenCounter(new Tokenizer(ModelLoader.loadVocabulary(ModelIdentity.files(options).path())));
  }

  /**
   * A tokenizer of its own.
   *
   * @param file a {@code tokenizer.json} of Hugging Face, or a {@code tokenizer.model} of SentencePiece
   * @throws dev.gemmaspark.engine.error.GemmaException if the file is missing, broken or of another kind
   */
  public static TokenCounter ofTokenizer(Path file) {
    return new TokenCounter(new Tokenizer(VocabularyReader.read(file)));
  }

  /** The SHA-256 of all pieces in the order of their ids: equal vocabularies have it in every form of a file. */
  public String fingerprint() {
    return ModelChecksum.of(String.join("\u0000", tokenizer.vocabulary().pieces()));
  }

  /** How many tokens a text is, without {@code <bos>}. */
  public int count(String text) {
    return ids(text).length;
  }

  /** The token ids of a text, without {@code <bos>}; what spells a control token is ordinary text. */
  public int[] ids(String text) {
    return tokenizer.encode(text, ControlTokens.AS_TEXT);
  }

  /** The token ids of a text, without {@code <bos>}; what spells a control token is that token. */
  public int[] idsWithControlTokens(String text) {
    return tokenizer.encode(text, ControlTokens.PARSED);
  }
}
