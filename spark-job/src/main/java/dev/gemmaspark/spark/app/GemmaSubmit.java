package dev.gemmaspark.spark.app;

import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;

/**
 * The applications by their names, for {@code deploy/bin/gemma-submit}: prints help, and the class that spark-submit is to run, without
 * starting Spark.
 */
@Command(
    name = "gemma-submit",
    description = "Gemma on Spark: batch jobs that read and write files.",
    synopsisSubcommandLabel = "APPLICATION",
    mixinStandardHelpOptions = true,
    version = "gemma-spark 0.1.0",
    footer = {
      "",
      "Options of spark-submit, such as --master, --conf K=V, --files or --executor-memory, may stand anywhere behind the"
          + " application; without --master it runs on this machine's cores."
    })
final class GemmaSubmit {
  private static final Map<String, Class<? extends Application>> APPLICATIONS =
      Map.of(
          "summarize", SummarizeApp.class,
          "generate", GenerateApp.class,
          "index", IndexApp.class,
          "answer", AnswerApp.class,
          "evaluate", EvaluateApp.class);

  private GemmaSubmit() {}

  /** With the arguments {@code class NAME} prints the class of an application; else help or a usage error. */
  public static void main(String[] arguments) {
    System.exit(arguments.length == 2 && arguments[0].equals("class") ? printClass(arguments[1]) : help(arguments));
  }

  private static int printClass(String application) {
    Class<? extends Application> found = APPLICATIONS.get(application);
    if (found == null) {
      System.err.printf(
          Locale.ROOT, "There is no application '%s'; there is: %s%n", application, String.join(", ", new TreeSet<>(APPLICATIONS.keySet())));
      return ExitCode.USAGE;
    }
    System.out.println(found.getName());
    return ExitCode.OK;
  }

  private static int help(String[] arguments) {
    CommandLine command =
        new CommandLine(new GemmaSubmit())
            .addSubcommand("summarize", new SummarizeApp())
            .addSubcommand("generate", new GenerateApp())
            .addSubcommand("index", new IndexApp())
            .addSubcommand("answer", new AnswerApp())
            .addSubcommand("evaluate", new EvaluateApp())
            .setCaseInsensitiveEnumValuesAllowed(true);
    try {
      if (CommandLine.printHelpIfRequested(command.parseArgs(arguments))) {
        return ExitCode.OK;
      }
      System.err.println("Which application? There is: " + String.join(", ", new TreeSet<>(APPLICATIONS.keySet())));
    } catch (CommandLine.ParameterException e) {
      System.err.println(e.getMessage());
    }
    System.err.println("Try 'gemma-submit --help'.");
    return ExitCode.USAGE;
  }
}
