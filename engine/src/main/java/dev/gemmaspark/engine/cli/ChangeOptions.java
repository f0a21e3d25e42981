package dev.gemmaspark.engine.cli;

import dev.gemmaspark.engine.ModelSource;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** What is done to a model's weights while they are loaded. */
final class ChangeOptions {
  @Option(
      names = "--quantization",
      paramLabel = "T",
      description = "Bring the weights to this type while loading: Q8_0, Q4_0, Q4_K, Q6_K, Q4_K_M, ... (default: as they are).")
  private String quantization;

  @Option(names = "--lora", paramLabel = "DIR", description = "Merge this LoRA adapter (a PEFT directory) while loading.")
  private Path lora;

  ModelSource apply(String location) {
    ModelSource model = ModelSource.of(location);
    if (quantization != null) {
      model = model.withQuantization(quantization);
    }
    return lora == null ? model : model.withLora(lora);
  }
}
