package dev.gemmaspark.engine;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.error.ModelNotFoundException;
import dev.gemmaspark.engine.internal.weights.LoraAdapter;
import dev.gemmaspark.engine.internal.weights.ModelChecksum;
import dev.gemmaspark.engine.internal.weights.ModelFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * Which model it is, whatever its path.
 *
 * @param name {@code demo}, or the name of the file or directory, with that of an adapter and the quantization where there are such
 * @param sha256 in lower-case hexadecimal: of the file; of several files (with names, in the order of names) the checksum of the text that
 *     has a line {@code sha256 name} for each; with an adapter, of the two checksums, a space between them
 */
public record ModelIdentity(String name, String sha256) {

  /**
   * The identity of a model; its weights are not opened.
   *
   * @param options of which the model, the cache folder and the listener are followed
   * @throws ModelNotFoundException if there is no such model, or it cannot be read
   * @throws GemmaException if the model is not the one that the options say
   */
  public static ModelIdentity of(EngineOptions options) {
    ModelSource model = options.model();
    ModelFiles files = files(options);
    String sha256 = checksum(files.files(), options);
    model
        .sha256()
        .filter(expected -> !expected.equalsIgnoreCase(sha256))
        .ifPresent(
            expected -> {
              throw new GemmaException(
                  String.format(
                      Locale.ROOT,
                      "%s has the SHA-256 %s, but %s is asked for (spark.gemma.model.sha256); get the right model, or change the setting",
                      files.path(), sha256, expected));
            });
    String name = model.isDemo() ? ModelSource.DEMO : fileName(files.path());
    if (model.lora().isPresent()) {
      Path adapter = model.lora().get();
      name += "+" + fileName(adapter);
      String both = sha256 + " " + checksum(LoraAdapter.files(adapter), options);
      return new ModelIdentity(quantized(name, model), ModelChecksum.of(both));
    }
    return new ModelIdentity(quantized(name, model), sha256);
  }

  private static String quantized(String name, ModelSource model) {
    return name + model.quantization().map(type -> " as " + type).orElse("");
  }

  private static String fileName(Path path) {
    Path name = path.toAbsolutePath().normalize().getFileName();
    return name == null ? path.toString() : name.toString();
  }

  private static String checksum(List<Path> files, EngineOptions options) {
    try {
      return ModelChecksum.of(
          files, options.cacheDirectory(), share -> options.progress().progress("checking", share));
    } catch (IOException e) {
      throw new ModelNotFoundException(
          "Cannot read " + files + " or remember checksums in " + options.cacheDirectory() + ": " + e.getMessage(), e);
    }
  }

  /** Where the model is; the demo model is put there first. */
  static ModelFiles files(EngineOptions options) {
    return ModelFiles.of(
        options.model().isDemo() ? DemoModel.file(options.cacheDirectory()) : Path.of(options.model().location()));
  }
}
