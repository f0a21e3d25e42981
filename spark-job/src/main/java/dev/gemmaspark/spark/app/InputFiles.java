package dev.gemmaspark.spark.app;

import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.streaming.DataStreamReader;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * Files that rows come from.
 *
 * @param option that names them on the command line
 * @param more options of Spark's reader of the format
 */
record InputFiles(Format format, String path, String option, Map<String, String> more) {
  /** A record as it stood in its file, if it was broken. */
  static final String CORRUPT = "_gemma_corrupt";

  /** Why a record could not be read. */
  static final String UNREAD = "_gemma_unread";

  private static final String REPLACEMENT = "\uFFFD";

  enum Format {
    PARQUET,
    JSON,
    CSV,
    TEXT,
    ORC;

    /** Whether its bytes become text only here. */
    boolean isDecoded() {
      return this == JSON || this == CSV || this == TEXT;
    }

    String sparkName() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * The input, or a {@link UsageException} that says why there is none. Of formats whose records may be broken it has a column more, {@link
   * #CORRUPT}.
   */
  Dataset<Row> read(SparkSession spark) {
    Map<String, String> options = options();
    if (hasEncoding(options)) {
      // Spark's own list has neither windows-1252 nor many others
      spark.conf().set("spark.sql.legacy.javaCharsets", "true");
    }
    Dataset<Row> rows = read(spark, format, path, option, options);
    if (!mayBeCorrupt() || Arrays.asList(rows.columns()).contains(CORRUPT)) {
      return rows;
    }
    return spark.read().format(format.sparkName()).options(options).schema(rows.schema().add(CORRUPT, DataTypes.StringType)).load(path);
  }

  /** Looks for quotes that swallow rows, in all files of {@link #read} at once: those that come to a stream are looked at as they come. */
  void checkQuotes(Dataset<Row> rows) {
    quotes().ifPresent(quotes -> quotes.check(rows.sparkSession(), List.of(rows.inputFiles())));
  }

  private Optional<CsvQuotes> quotes() {
    return format == Format.CSV ? CsvQuotes.of(options()) : Optional.empty();
  }

  private static boolean hasEncoding(Map<String, String> options) {
    return options.containsKey("encoding") || options.containsKey("charset");
  }

  private Map<String, String> options() {
    Map<String, String> options = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    options.putAll(options(format));
    options.putAll(more);
    if (mayBeCorrupt()) {
      options.put("columnNameOfCorruptRecord", CORRUPT);
    }
    return options;
  }

  private boolean mayBeCorrupt() {
    boolean permissive = more.entrySet().stream().filter(each -> each.getKey().equalsIgnoreCase("mode")).allMatch(each -> each.getValue().equalsIgnoreCase("permissive"));
    return permissive && (format == Format.JSON || format == Format.CSV);
  }

  /** Adds {@link #UNREAD}: why a record could not be read as it was written, or NULL; and takes {@link #CORRUPT} away. */
  Dataset<Row> withUnread(Dataset<Row> rows, List<String> columnsRead) {
    Column reason = functions.lit(null).cast(DataTypes.StringType);
    for (String column : columnsRead) {
      if (format.isDecoded() && !hasEncoding(options()) && rows.schema().apply(column).dataType().equals(DataTypes.StringType)) {
        Column text = BatchApplication.column(column);
        reason =
            functions.when(
                    functions.not(functions.is_valid_utf8(text)).or(text.contains(REPLACEMENT)),
                    "the record is in another encoding than it was read in: column '" + column + "' has U+FFFD; name it with --input-option encoding=windows-1252, say, or encoding=UTF-8 if that is what is written there")
                .otherwise(reason);
      }
    }
    if (Arrays.asList(rows.columns()).contains(CORRUPT)) {
      reason = functions.when(functions.col(CORRUPT).isNotNull(), "the record cannot be read as " + format.sparkName()).otherwise(reason);
    }
    if (rows.isStreaming() && quotes().isPresent()) {
      reason = functions.coalesce(quotes().get().problem(rows.sparkSession()).apply(rows.col("_metadata.file_path")), reason);
    }
    return rows.withColumn(UNREAD, reason).drop(CORRUPT);
  }

  /** The rows without {@link #CORRUPT}, or a {@link UsageException} if a record cannot be read as it was written, in these columns. */
  Dataset<Row> whole(Dataset<Row> rows, List<String> columnsRead) {
    checkQuotes(rows);
    Dataset<Row> marked = withUnread(rows, columnsRead);
    // a record is only looked at as far as columns are asked for
    Column all = functions.struct(Arrays.stream(marked.columns()).map(BatchApplication::column).toArray(Column[]::new));
    Row unread = marked.agg(functions.count(UNREAD), functions.first(functions.col(UNREAD), true), functions.first(all)).first();
    if (unread.getLong(0) > 0) {
      throw new UsageException(
          String.format(Locale.ROOT, "Of %d records of %s (%s) not all is readable; of one, %s", unread.getLong(0), path, option, unread.getString(1)));
    }
    return marked.drop(UNREAD);
  }

  /** What tells this input from others. */
  Map<String, String> identity(SparkSession spark) throws IOException {
    Path place = new Path(path);
    Map<String, String> identity = new LinkedHashMap<>();
    identity.put("input", place.getFileSystem(spark.sessionState().newHadoopConf()).makeQualified(place).toString());
    identity.put("format", format.sparkName());
    identity.put("inputOptions", new TreeMap<>(more).toString());
    return identity;
  }

  /** Files, or a {@link UsageException} that says why there are none. */
  static Dataset<Row> read(SparkSession spark, Format format, String path, String option) {
    return read(spark, format, path, option, options(format));
  }

  private static Dataset<Row> read(SparkSession spark, Format format, String path, String option, Map<String, String> options) {
    requireThere(spark, path, option);
    DataFrameReader reader = spark.read().format(format.sparkName()).options(options);
    try {
      return reader.load(path);
    } catch (Exception e) {
      if (e instanceof AnalysisException analysis && "PATH_NOT_FOUND".equals(analysis.getCondition())) {
        throw noInput(path, option);
      }
      if (e instanceof AnalysisException analysis && "UNABLE_TO_INFER_SCHEMA".equals(analysis.getCondition())) {
        throw new UsageException("There is no file at " + path + " that says which columns there are; put a first one there (" + option + ")");
      }
      throw new UsageException(
          String.format(Locale.ROOT, "The input %s cannot be read as %s: %s", path, format.sparkName(), firstLine(e)));
    }
  }

  /** Looks before Spark does, which logs a stack trace. */
  private static void requireThere(SparkSession spark, String path, String option) {
    try {
      Path place = new Path(path);
      FileSystem fileSystem = place.getFileSystem(spark.sessionState().newHadoopConf());
      FileStatus[] found = fileSystem.exists(place) ? null : fileSystem.globStatus(place);
      if (!fileSystem.exists(place) && (found == null || found.length == 0)) {
        throw noInput(path, option);
      }
    } catch (IOException | IllegalArgumentException e) {
      throw new UsageException(String.format(Locale.ROOT, "The input %s cannot be looked at: %s; check %s", path, firstLine(e), option));
    }
  }

  private static UsageException noInput(String path, String option) {
    return new UsageException("There is no input at " + path + "; check " + option);
  }

  /**
   * The files that come to the input's folder.
   *
   * @param schema of those that are there
   */
  Dataset<Row> readStream(SparkSession spark, StructType schema, Integer maxFiles) throws IOException {
    Path place = new Path(path);
    FileSystem fileSystem = place.getFileSystem(spark.sessionState().newHadoopConf());
    if (fileSystem.exists(place) && fileSystem.getFileStatus(place).isFile()) {
      throw new UsageException(String.format(Locale.ROOT, "--stream takes files up as they come to a folder, and %s is a file; name its folder (%s)", path, option));
    }
    DataStreamReader reader = spark.readStream().format(format.sparkName()).options(options()).schema(schema);
    if (maxFiles != null) {
      reader = reader.option("maxFilesPerTrigger", maxFiles);
    }
    return reader.load(path);
  }

  private static Map<String, String> options(Format format) {
    return format == Format.CSV ? Map.of("header", "true", "multiLine", "true", "escape", "\"") : Map.of();
  }

  private static String firstLine(Exception e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse(e.toString());
  }

  /** Checks that there is a column of this name and type. */
  static void requireColumn(Dataset<Row> input, String option, String column, DataType type) {
    String[] columns = input.columns();
    if (columns.length == 0) {
      throw new UsageException(String.format(Locale.ROOT, "The input is empty, and so has no column '%s' (%s)", column, option));
    }
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
