package dev.gemmaspark.engine.fuzz;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.internal.tokenizer.VocabularyReader;

/** Tokenizers of Hugging Face. */
public final class TokenizerJsonFuzzer {
  private static final ScratchFile FILE = new ScratchFile("tokenizer.json");

  private TokenizerJsonFuzzer() {}

  public static void fuzzerTestOneInput(byte[] data) {
    try {
      VocabularyReader.read(FILE.write(data));
    } catch (GemmaException expected) {
      // a clear error is all that a broken file may lead to
    }
  }
}
