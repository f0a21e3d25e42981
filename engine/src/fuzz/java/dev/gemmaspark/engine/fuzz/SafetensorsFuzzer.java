package dev.gemmaspark.engine.fuzz;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.internal.safetensors.SafetensorsFile;

/** Safetensors files. */
public final class SafetensorsFuzzer {
  private static final ScratchFile FILE = new ScratchFile("model.safetensors");

  private SafetensorsFuzzer() {}

  public static void fuzzerTestOneInput(byte[] data) {
    try {
      SafetensorsFile file = SafetensorsFile.open(FILE.write(data));
      file.names().forEach(file::tensor);
    } catch (GemmaException expected) {
      // a clear error is all that a broken file may lead to
    }
  }
}
