package dev.gemmaspark.spark.app;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.error.InvalidSettingException;
import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.execution.PromptTexts;
import dev.gemmaspark.spark.rag.DocumentsException;
import dev.gemmaspark.spark.storage.FolderInUseException;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkUserAppException;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import scala.jdk.javaapi.CollectionConverters;

/**
 * What every application does: reads its options before Spark starts, runs, and ends with a line and an exit code: 0, 1 for a
 * failure, 2 for what the user can see to before any work is done. The code reaches the caller through an exception that Spark knows;
 * an application never ends the JVM itself, which a cluster manager would take for a failure.
 */
abstract class Application {
  private static final int SUCCESS = 0;
  private static final int FAILURE = 1;
  private static final int USAGE = 2;

  @Option(names = "--debug", description = "Print the stack trace of an error.")
  private boolean debug;

  /** Runs with Spark, and returns when all work is done. */
  abstract void run(SparkSession spark, PrintWriter out) throws Exception;

  /** Checks options that need no Spark. */
  void check() {}

  /** For {@code main}: runs the application, and throws if it did not succeed. */
  static void main(Application application, String[] arguments) throws SparkUserAppException {
    int code = execute(application, new PrintWriter(System.err, true, System.err.charset()), arguments);
    if (code != SUCCESS) {
      throw new SparkUserAppException(code, null);
    }
  }

  /** Runs the application, and returns its exit code. */
  static int execute(Application application, PrintWriter out, String... arguments) {
    CommandLine command =
        new CommandLine(application).setOut(out).setErr(out).setCaseInsensitiveEnumValuesAllowed(true);
    try {
      command.parseArgs(arguments);
      if (CommandLine.printHelpIfRequested(command.getParseResult())) {
        return SUCCESS;
      }
      requireNoEmptyPath(command);
      application.check();
      // before there is a session, which would fail for them with a stack trace
      PromptTexts.read(GemmaConf.of(new SparkConf()).promptDirectory());
    } catch (CommandLine.ParameterException | InvalidSettingException | UsageException e) {
      out.println(e.getMessage());
      out.println("Try 'gemma-submit " + command.getCommandName() + " --help'.");
      return USAGE;
    }
    return application.runWithSpark(out);
  }

  private static void requireNoEmptyPath(CommandLine command) {
    for (OptionSpec option : command.getCommandSpec().options()) {
      if (("PATH".equals(option.paramLabel()) || "DIR".equals(option.paramLabel())) && option.getValue() instanceof String path && path.isBlank()) {
        throw new UsageException(option.longestName() + " is empty; name a place (a variable of the shell may not be set)");
      }
    }
  }

  private int runWithSpark(PrintWriter out) {
    SparkSession spark = SparkSession.builder().getOrCreate();
    try {
      run(spark, out);
      return SUCCESS;
    } catch (UsageException | InvalidSettingException | DocumentsException | FolderInUseException e) {
      return report(e, out, USAGE);
    } catch (Exception e) {
      return report(e, out, FAILURE);
    } finally {
      spark.stop();
    }
  }

  /** What the session is set to. */
  static GemmaConf conf(SparkSession spark) {
    Map<String, String> settings = new LinkedHashMap<>();
    CollectionConverters.asJava(spark.conf().getAll()).forEach(settings::put);
    return GemmaConf.of(settings);
  }

  private int report(Exception error, PrintWriter out, int code) {
    if (debug) {
      error.printStackTrace(out);
    } else {
      out.println(message(error));
    }
    return code;
  }

  /** Of a failed job, what our own code said of the cause; else the first line of Spark's message. */
  private static String message(Throwable error) {
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      if (cause instanceof GemmaException || cause instanceof UsageException) {
        return cause.getMessage();
      }
    }
    String text = String.valueOf(error.getMessage());
    int ours = text.indexOf("GemmaException: ");
    String start = ours >= 0 ? text.substring(ours + "GemmaException: ".length()) : text;
    return start.lines().findFirst().orElse(error.toString()) + (ours >= 0 ? "" : " (--debug prints where)");
  }
}
