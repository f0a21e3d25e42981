package dev.gemmaspark.engine;

import dev.gemmaspark.engine.error.ModelNotFoundException;
import dev.gemmaspark.engine.internal.weights.ModelChecksum;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Which model a file is, whatever its path.
 *
 * @param name {@code demo}, or the file's name
 * @param sha256 of the file, in lower-case hexadecimal
 */
public record ModelIdentity(String name, String sha256) {

  /**
   * The identity of a model; its weights are not opened.
   *
   * @param options of which the model, the cache folder and the listener are followed
   * @throws ModelNotFoundException if there is no such file, or it cannot be read
   */
  public static ModelIdentity of(EngineOptions options) {
    boolean demo = options.model().equals(EngineOptions.DEMO_MODEL);
    Path file = file(options);
    if (!Files.isRegularFile(file)) {
      throw new ModelNotFoundException("There is no model file " + file.toAbsolutePath() + "; check the path");
    }
    try {
      String sha256 =
          ModelChecksum.of(
              file, options.cacheDirectory(), share -> options.progress().progress("checking", share));
      return new ModelIdentity(demo ? EngineOptions.DEMO_MODEL : file.getFileName().toString(), sha256);
    } catch (IOException e) {
      throw new ModelNotFoundException(
          "Cannot read " + file + " or remember its checksum in " + options.cacheDirectory() + ": " + e.getMessage(), e);
    }
  }

  /** Where the model is; the demo model is put there first. */
  static Path file(EngineOptions options) {
    return options.model().equals(EngineOptions.DEMO_MODEL)
        ? DemoModel.file(options.cacheDirectory())
        : Path.of(options.model());
  }
}
