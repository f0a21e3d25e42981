package dev.gemmaspark.spark.app;

import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.streaming.DataStreamReader;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import picocli.CommandLine.Option;

/** Where rows come from. */
final class InputOptions {
  enum Format {
    PARQUET,
    JSON,
    CSV,
    TEXT,
    ORC;

    String sparkName() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Option(names = "--input", paramLabel = "PATH", required = true, description = "Files to read, on any file system that Spark knows.")
  private String path;

  @Option(
      names = "--format",
      paramLabel = "F",
      defaultValue = "parquet",
      description = "Of input: parquet, json, csv (with a header), text (column 'value') or orc (default: ${DEFAULT-VALUE}).")
  private Format format;

  /** The input, or a {@link UsageException} that says why there is none. */
  Dataset<Row> read(SparkSession spark) {
    return read(spark, format, path, "--input");
  }

  /** Files, or a {@link UsageException} that says why there are none. */
  static Dataset<Row> read(SparkSession spark, Format format, String path, String option) {
    DataFrameReader reader = spark.read().format(format.sparkName()).options(options(format));
    try {
      return reader.load(path);
    } catch (Exception e) {
      if (e instanceof AnalysisException analysis && "PATH_NOT_FOUND".equals(analysis.getCondition())) {
        throw new UsageException("There is no input at " + path + "; check " + option);
      }
      throw new UsageException(
          String.format(Locale.ROOT, "The input %s cannot be read as %s: %s", path, format.sparkName(), firstLine(e)));
    }
  }

  /**
   * The files that come to the input's folder.
   *
   * @param schema of those that are there
   */
  Dataset<Row> readStream(SparkSession spark, StructType schema, Integer maxFiles) {
    return readStream(spark, format, path, schema, maxFiles);
  }

  static Dataset<Row> readStream(SparkSession spark, Format format, String path, StructType schema, Integer maxFiles) {
    DataStreamReader reader = spark.readStream().format(format.sparkName()).options(options(format)).schema(schema);
    if (maxFiles != null) {
      reader = reader.option("maxFilesPerTrigger", maxFiles);
    }
    return reader.load(path);
  }

  private static Map<String, String> options(Format format) {
    return format == Format.CSV ? Map.of("header", "true", "multiLine", "true", "escape", "\"") : Map.of();
  }

  String path() {
    return path;
  }

  private static String firstLine(Exception e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse(e.toString());
  }

  /** Checks that there is a column of this name and type. */
  static void requireColumn(Dataset<Row> input, String option, String column, DataType type) {
    String[] columns = input.columns();
    if (!Arrays.asList(columns).contains(column)) {
      throw new UsageException(
          String.format(Locale.ROOT, "The input has no column '%s' (%s); its columns are %s", column, option, String.join(", ", columns)));
    }
    DataType found = input.schema().apply(column).dataType();
    if (type != null && !found.equals(type)) {
      throw new UsageException(
          String.format(Locale.ROOT, "The column '%s' (%s) is of type %s; %s is needed",
              column, option, found.sql(), type.equals(DataTypes.StringType) ? "STRING" : type.sql()));
    }
  }
}
