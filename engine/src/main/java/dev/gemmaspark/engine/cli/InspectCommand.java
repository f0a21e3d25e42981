package dev.gemmaspark.engine.cli;

import dev.gemmaspark.engine.EngineOptions;
import dev.gemmaspark.engine.ModelReport;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(name = "inspect", description = "What is in a model, and whether this engine runs it.")
final class InspectCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "M", description = "A GGUF file, a Hugging Face directory, or 'demo'.")
  private String model;

  @Mixin private ChangeOptions changes = new ChangeOptions();

  @Option(names = "--verify", description = "Look at every weight: is it a finite number?")
  private boolean verify;

  @Override
  public Integer call() {
    Terminal terminal = new Terminal(spec.commandLine().getErr());
    ModelReport report =
        ModelReport.of(
            EngineOptions.forModel(changes.apply(model)).withProgress(terminal),
            verify ? ModelReport.Depth.WEIGHTS : ModelReport.Depth.HEADER);
    terminal.clear();
    PrintWriter out = spec.commandLine().getOut();
    report.facts().forEach((name, value) -> out.printf(Locale.ROOT, "%-18s %s%n", name, value));
    report.problems().forEach(problem -> out.printf(Locale.ROOT, "%-18s %s%n", "problem", problem));
    if (report.problems().isEmpty()) {
      out.printf(Locale.ROOT, "%-18s %s%n", "runs here", verify ? "yes; every weight is a finite number" : "yes");
      return ExitCode.OK;
    }
    return ExitCode.SOFTWARE;
  }
}
