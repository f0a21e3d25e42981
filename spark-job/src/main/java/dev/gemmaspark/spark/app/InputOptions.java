package dev.gemmaspark.spark.app;

import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.Option;

/** Where rows come from. */
final class InputOptions {
  @Option(names = "--input", paramLabel = "PATH", required = true, description = "Files to read, on any file system that Spark knows.")
  private String path;

  @Option(
      names = "--format",
      paramLabel = "F",
      defaultValue = "parquet",
      description = "Of input: parquet, json, csv (with a header), text (column 'value') or orc (default: ${DEFAULT-VALUE}).")
  private InputFiles.Format format;

  @Option(
      names = "--input-option",
      paramLabel = "KEY=VALUE",
      description = "Of Spark's reader of the format, such as encoding=windows-1252, delimiter=; or multiLine=false; may be repeated.")
  private Map<String, String> more = new TreeMap<>();

  InputFiles files() {
    return new InputFiles(format, path, "--input", more);
  }
}
