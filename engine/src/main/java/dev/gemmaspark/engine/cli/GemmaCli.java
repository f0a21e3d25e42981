package dev.gemmaspark.engine.cli;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.error.InvalidSettingException;
import java.io.PrintWriter;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** Gemma on one machine, from the command line. */
@Command(
    name = "gemma",
    description = "Gemma on this machine.",
    synopsisSubcommandLabel = "COMMAND",
    mixinStandardHelpOptions = true,
    scope = ScopeType.INHERIT,
    version = "gemma-spark 0.1.0",
    subcommands = {
      GenerateCommand.class,
      ChatCommand.class,
      TokenizeCommand.class,
      LogitsCommand.class,
      InspectCommand.class,
      ConvertCommand.class,
      BenchCommand.class
    })
public final class GemmaCli implements Runnable {
  @Option(names = "--debug", description = "Print the stack trace of an error.", scope = ScopeType.INHERIT)
  private boolean debug;

  @Spec private CommandSpec spec;

  private GemmaCli() {}

  /** Where no command is named. */
  @Override
  public void run() {
    throw new CommandLine.ParameterException(spec.commandLine(), "Which command? There are " + commands(spec.commandLine()));
  }

  /** Runs one command; exits with 0, 1 for a failure, 2 for wrong usage. */
  public static void main(String[] arguments) {
    quietLog();
    System.exit(run(new PrintWriter(System.out, false, System.out.charset()), new PrintWriter(System.err, true, System.err.charset()), arguments));
  }

  /** Runs one command, and returns its exit code. */
  static int run(PrintWriter out, PrintWriter err, String... arguments) {
    GemmaCli cli = new GemmaCli();
    int code =
        new CommandLine(cli)
            .setOut(out)
            .setErr(err)
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setParameterExceptionHandler(GemmaCli::wrongUsage)
            .setExecutionExceptionHandler(
                (error, command, parsed) -> cli.failure(error, command.getErr()))
            .execute(arguments);
    out.flush();
    return code;
  }

  /** Warnings alone, without the names of threads and classes. */
  private static void quietLog() {
    System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "warn");
    System.setProperty("org.slf4j.simpleLogger.showThreadName", "false");
    System.setProperty("org.slf4j.simpleLogger.showLogName", "false");
  }

  private static int wrongUsage(CommandLine.ParameterException error, String[] arguments) {
    CommandLine command = error.getCommandLine();
    command.getErr().println(message(error));
    command.getErr().println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
    return CommandLine.ExitCode.USAGE;
  }

  private static String message(CommandLine.ParameterException error) {
    CommandLine command = error.getCommandLine();
    return command.getParent() == null && error instanceof CommandLine.UnmatchedArgumentException unmatched && !unmatched.isUnknownOption()
        ? "There is no command '" + unmatched.getUnmatched().getFirst() + "'; there are " + commands(command)
        : error.getMessage();
  }

  private static String commands(CommandLine gemma) {
    return String.join(", ", gemma.getSubcommands().keySet());
  }

  private int failure(Exception error, PrintWriter err) {
    if (debug) {
      error.printStackTrace(err);
    } else {
      err.println(message(error));
    }
    return error instanceof InvalidSettingException
        ? CommandLine.ExitCode.USAGE
        : CommandLine.ExitCode.SOFTWARE;
  }

  private static String message(Throwable error) {
    return switch (error) {
      case GemmaException e -> e.getMessage();
      case CancellationException _ -> "Cancelled";
      case ExecutionException e when e.getCause() != null -> message(e.getCause());
      default -> error + " (--debug prints where)";
    };
  }
}
