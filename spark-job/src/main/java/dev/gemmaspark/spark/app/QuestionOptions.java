package dev.gemmaspark.spark.app;

import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.Option;

/** Where questions come from. */
final class QuestionOptions {
  @Option(names = "--questions", paramLabel = "PATH", required = true, description = "Files with questions.")
  private String path;

  @Option(
      names = "--format",
      paramLabel = "F",
      defaultValue = "parquet",
      description = "Of questions: parquet, json, csv (with a header), text (a question on each line) or orc (default: ${DEFAULT-VALUE}).")
  private InputFiles.Format format;

  @Option(
      names = "--input-option",
      paramLabel = "KEY=VALUE",
      description = "Of Spark's reader of the questions' format, such as encoding=windows-1252, delimiter=; or multiLine=false; may be repeated.")
  private Map<String, String> more = new TreeMap<>();

  InputFiles files() {
    return new InputFiles(format, path, "--questions", more);
  }
}
