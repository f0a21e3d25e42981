package dev.gemmaspark.engine.cli;

import dev.gemmaspark.engine.EngineOptions;
import dev.gemmaspark.engine.ModelConverter;
import dev.gemmaspark.engine.ModelSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(name = "convert", description = "Write a model as a GGUF file, in another weight type.")
final class ConvertCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "M", description = "A GGUF file, a Hugging Face directory, or 'demo'.")
  private String model;

  @Option(
      names = "--type",
      paramLabel = "T",
      required = true,
      description =
          "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS, or a mix: Q3_K_M, Q4_K_S, Q4_K_M,"
              + " Q5_K_S, Q5_K_M.")
  private String type;

  @Option(names = "--out", paramLabel = "FILE.gguf", required = true, description = "The file to write; it must not exist.")
  private Path target;

  @Option(names = "--lora", paramLabel = "DIR", description = "Merge this LoRA adapter (a PEFT directory).")
  private Path lora;

  @Override
  public Integer call() throws Exception {
    Terminal terminal = new Terminal(spec.commandLine().getErr());
    ModelSource source = ModelSource.of(model);
    ModelConverter.convert(
        EngineOptions.forModel(lora == null ? source : source.withLora(lora)).withProgress(terminal), type, target);
    terminal.clear();
    spec.commandLine().getOut().printf(Locale.ROOT, "%s: %.1f MiB%n", target, Files.size(target) / 1048576.0);
    return 0;
  }
}
