package dev.gemmaspark.spark.app;

import dev.gemmaspark.engine.generation.SamplingParameters;
import java.util.Map;
import picocli.CommandLine.Option;

/** Which model, and how it samples. */
final class BatchGenerationOptions extends GenerationOptions {
  @Option(names = "--top-k", paramLabel = "K", description = "Draw from the K most likely tokens.")
  private Integer topK;

  @Override
  void check() {
    super.check();
    if (topK != null) {
      SamplingParameters.greedy().withTopK(topK);
    }
  }

  @Override
  Map<String, Object> arguments() {
    Map<String, Object> arguments = super.arguments();
    put(arguments, "topK", topK);
    return arguments;
  }
}
