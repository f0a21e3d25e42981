package dev.gemmaspark.engine.fuzz;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.internal.weights.ModelFiles;
import dev.gemmaspark.engine.internal.weights.ModelLoader;

/** GGUF files. */
public final class GgufFuzzer {
  private static final ScratchFile FILE = new ScratchFile("model.gguf");

  private GgufFuzzer() {}

  public static void fuzzerTestOneInput(byte[] data) {
    try {
      ModelLoader.load(ModelFiles.of(FILE.write(data)));
    } catch (GemmaException expected) {
      // a clear error is all that a broken file may lead to
    }
  }
}
