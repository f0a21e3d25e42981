package dev.gemmaspark.engine.cli;

import dev.gemmaspark.engine.EngineOptions;
import picocli.CommandLine.Option;

/** Which model, and what it may use of the machine. */
final class ModelOptions {
  @Option(
      names = "--model",
      paramLabel = "M",
      defaultValue = EngineOptions.DEMO_MODEL,
      description = "A GGUF file, or '${DEFAULT-VALUE}' for the small model that comes along (default: ${DEFAULT-VALUE}).")
  private String model;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Worker threads (default: the machine's processors).")
  private Integer threads;

  @Option(
      names = "--context-length",
      paramLabel = "N",
      description = "Tokens of prompt and completion together (default: the model's, at most 8192).")
  private Integer contextLength;

  EngineOptions engineOptions(Terminal terminal) {
    EngineOptions options = EngineOptions.forModel(model).withProgress(terminal);
    if (threads != null) {
      options = options.withThreads(threads);
    }
    if (contextLength != null) {
      options = options.withContextLength(contextLength);
    }
    return options;
  }
}
