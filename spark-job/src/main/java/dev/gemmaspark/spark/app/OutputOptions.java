package dev.gemmaspark.spark.app;

import java.io.IOException;
import java.util.Locale;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Option;

/** Where rows go: Parquet. */
final class OutputOptions {
  enum Mode {
    ERRORIFEXISTS(SaveMode.ErrorIfExists),
    OVERWRITE(SaveMode.Overwrite),
    APPEND(SaveMode.Append);

    private final SaveMode saveMode;

    Mode(SaveMode saveMode) {
      this.saveMode = saveMode;
    }
  }

  @Option(names = "--output", paramLabel = "PATH", required = true, description = "Folder of Parquet files to write.")
  private String path;

  @Option(
      names = "--mode",
      paramLabel = "M",
      defaultValue = "errorifexists",
      description = "If there is output already: errorifexists, overwrite or append (default: ${DEFAULT-VALUE}).")
  private Mode mode;

  /** Looks for output before any work is done. */
  void check(SparkSession spark) throws IOException {
    if (mode == Mode.ERRORIFEXISTS) {
      Path folder = new Path(path);
      if (folder.getFileSystem(spark.sessionState().newHadoopConf()).exists(folder)) {
        throw new UsageException(
            "There is output at %s already; name another --output, or say --mode overwrite or append".formatted(path));
      }
    }
  }

  void write(Dataset<Row> rows) {
    rows.write().mode(mode.saveMode).parquet(path);
  }

  @Override
  public String toString() {
    return path + " (" + mode.name().toLowerCase(Locale.ROOT) + ")";
  }

  String path() {
    return path;
  }
}
