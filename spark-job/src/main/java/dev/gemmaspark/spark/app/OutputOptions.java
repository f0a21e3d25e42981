package dev.gemmaspark.spark.app;

import java.io.IOException;
import java.util.Locale;
import java.util.Optional;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Option;

/** Where rows go: Parquet. */
final class OutputOptions {
  enum Mode {
    ERRORIFEXISTS,
    OVERWRITE,
    APPEND,
    RESUME
  }

  @Option(names = "--output", paramLabel = "PATH", required = true, description = "Folder of Parquet files to write.")
  private String path;

  @Option(
      names = "--mode",
      paramLabel = "M",
      defaultValue = "errorifexists",
      description = {
        "If there is output already: errorifexists, overwrite, append, or resume (default: ${DEFAULT-VALUE}).",
        "resume goes on with a job that ended early: rows whose id is in the output are not done again."
      })
  private Mode mode;

  String path() {
    return path;
  }

  Mode mode() {
    return mode;
  }

  /**
   * Looks for output before any work is done.
   *
   * @return the report of the run to resume, if that is what is asked
   */
  Optional<RunReport> check(SparkSession spark) throws IOException {
    Path folder = new Path(path);
    FileSystem fileSystem = folder.getFileSystem(spark.sessionState().newHadoopConf());
    boolean exists = fileSystem.exists(folder);
    if (exists && fileSystem.getFileStatus(folder).isFile()) {
      throw new UsageException(String.format(Locale.ROOT, "There is a file at %s; name a folder as --output", path));
    }
    Optional<RunReport> earlier = exists ? RunReport.read(fileSystem, folder) : Optional.empty();
    boolean isEmpty = !exists || isEmpty(fileSystem.listStatus(folder));
    switch (mode) {
      case ERRORIFEXISTS -> {
        if (!isEmpty) {
          boolean unfinished = earlier.filter(report -> !report.isFinished()).isPresent();
          throw new UsageException(
              String.format(Locale.ROOT, "There is output at %s already%s; name another --output, or say --mode overwrite or append",
                  path, unfinished ? ", of a run that did not finish (--mode resume goes on with it)" : ""));
        }
      }
      case RESUME -> {
        if (earlier.isEmpty() && !isEmpty) {
          throw new UsageException(
              String.format(Locale.ROOT, "There is output at %s, but no report of the run that made it (%s); it cannot be resumed",
                  path, RunReport.NAME));
        }
        return earlier;
      }
      default -> {}
    }
    return Optional.empty();
  }

  private static boolean isEmpty(FileStatus[] files) {
    return files.length == 0;
  }
}
