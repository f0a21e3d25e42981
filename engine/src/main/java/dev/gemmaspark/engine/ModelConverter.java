package dev.gemmaspark.engine;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.error.InvalidSettingException;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import dev.gemmaspark.engine.internal.weights.GgufExport;
import dev.gemmaspark.engine.internal.weights.QuantizationMix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes models of any form as GGUF files. */
public final class ModelConverter {
  private ModelConverter() {}

  /**
   * Writes a model as a GGUF file.
   *
   * @param options of which the model, with its adapter, the threads and the listener are followed
   * @param type of the matrices, or a mix such as {@code Q4_K_M}; a matrix whose width the type's blocks do not divide becomes Q8_0 or F16
   * @param target the file, which must not exist
   * @throws GemmaException if the model cannot be read, the type is unknown, or the file cannot be written
   */
  public static void convert(EngineOptions options, String type, Path target) {
    QuantizationMix mix = QuantizationMix.named(type);
    if (Files.exists(target)) {
      throw new InvalidSettingException(target + " exists already; name another file, or delete it first");
    }
    Path folder = target.toAbsolutePath().getParent();
    if (!Files.isDirectory(folder)) {
      throw new InvalidSettingException("There is no folder " + folder + " to write " + target.getFileName() + " to; make it first");
    }
    LoadedModel loaded = LoadedModel.load(options);
    try (WorkerPool pool = new WorkerPool(options.threads(), "gemma-worker")) {
      GgufExport.write(
          loaded.weights(),
          mix,
          loaded.identity().name(),
          target,
          pool,
          share -> options.progress().progress("converting", share));
    } catch (IOException e) {
      throw new GemmaException("Cannot write " + target + ": " + e.getMessage() + "; make room there, or name another folder", e);
    }
  }
}
