package dev.gemmaspark.spark.app;

import dev.gemmaspark.engine.ModelIdentity;
import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.executor.ModelLocation;
import dev.gemmaspark.spark.executor.SuspectRows;
import dev.gemmaspark.spark.storage.FolderLock;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** An application that makes a text of every row, and writes the texts as Parquet: all at once, or as files come. */
abstract class BatchApplication extends Application {
  private static final String DONE = "_gemma_done";

  @Mixin private InputOptions source;
  @Mixin private OutputOptions output;
  @Mixin private StreamOptions stream;
  @Mixin private BatchGenerationOptions generation;

  @Option(names = "--id-column", paramLabel = "C", description = "The only column of the input to keep (default: all); --mode resume needs it.")
  private String idColumn;

  @Option(
      names = "--dry-run",
      description = "Write nothing; say how many tokens, how much memory and how much time the job will take, from a short measurement.")
  private boolean dryRun;

  @Option(
      names = FailThreshold.OPTION,
      paramLabel = "SHARE",
      defaultValue = "0.05",
      description = {
        "Fail as soon as more than this share of the rows could not be done (default: ${DEFAULT-VALUE}).",
        "With --stream: of a batch's rows, after the batch is written; it is not done again."
      })
  private double failShare;

  /** The application's name on the command line. */
  abstract String name();

  /** The column that the text goes to. */
  abstract String textColumn();

  /** Fails for an input that lacks what the application needs. */
  abstract void checkColumns(Dataset<Row> rows);

  /** The columns of the input that the call reads. */
  abstract List<String> columnsRead(Dataset<Row> rows);

  /** The call of the model for a row. */
  abstract Column call(Map<String, Object> arguments);

  /** Looks at the input once, before any of it is done. */
  void prepare(Dataset<Row> rows, GemmaConf conf) {}

  /** Adds the column {@code _gemma} with what the call gives, and {@link #moreColumns}. */
  Dataset<Row> called(Dataset<Row> rows, Map<String, Object> arguments) {
    return rows.withColumn("_gemma", call(arguments));
  }

  /** Rows of the output for each of the input. */
  int resultsOfARow() {
    return 1;
  }

  /** Columns of the output behind those that every application writes. */
  List<String> moreColumns() {
    return List.of();
  }

  /** What of this application's own options decides the text. */
  abstract Map<String, String> parameters(GemmaConf conf);

  @Override
  void check() {
    generation.check();
    stream.check(output.mode());
    failThreshold();
    if (output.mode() == OutputOptions.Mode.RESUME && idColumn == null) {
      throw new UsageException("--mode resume needs --id-column: by their ids it knows which rows are done");
    }
  }

  private FailThreshold failThreshold() {
    return new FailThreshold(failShare);
  }

  @Override
  final void run(SparkSession spark, PrintWriter out) throws Exception {
    Configuration hadoop = spark.sessionState().newHadoopConf();
    InputFiles input = source.files();
    Apart.require(hadoop, "--input", input.path(), "--output", output.path());
    Dataset<Row> read = input.read(spark);
    Dataset<Row> readable = read.drop(InputFiles.CORRUPT);
    checkColumns(readable);
    if (idColumn != null) {
      InputFiles.requireColumn(readable, "--id-column", idColumn, null);
      spark.sparkContext().setLocalProperty(SuspectRows.ID_COLUMN, idColumn);
    }
    List<String> kept = idColumn != null ? List.of(idColumn) : Arrays.asList(readable.columns());
    requireNoCollision(kept);
    output.requireNoFile(hadoop);
    generation.apply(spark);
    GemmaConf conf = conf(spark);
    if (!stream.isOn()) {
      input.checkQuotes(read);
    }
    Dataset<Row> rows = input.withUnread(read, columnsRead(readable));
    prepare(rows, conf);
    ModelIdentity model = ModelIdentity.of(ModelLocation.options(conf));
    if (dryRun) {
      new DryRun(conf, out).run(rows.count() * resultsOfARow(), texts(DryRun.sample(rows), kept, model));
      return;
    }
    Path place = new Path(output.path());
    FileSystem fileSystem = place.getFileSystem(hadoop);
    try (FolderLock lock = FolderLock.acquire(fileSystem, place, name(), RunReport.newRunId())) {
      lock.whenLost(() -> spark.sparkContext().cancelAllJobs());
      OutputFolder folder = new OutputFolder(output.path(), spark, lock);
      Optional<RunReport> ended = folder.finishSwap();
      if (output.mode() == OutputOptions.Mode.APPEND && ended.isPresent() && ended.get().mode().equals(RunReport.ADDS)) {
        // whether this is the same run again, nobody can tell
        throw new UsageException(
            String.format(
                Locale.ROOT,
                "A run with --mode append that was killed at its end, %s, is whole now: its %,d rows are in %s. Run again if there is more to append",
                ended.get().runId(), ended.get().rowsDone(), output.path()));
      }
      boolean exists = output.check(spark, folder, stream.isOn());
      if (stream.isOn()) {
        Dataset<Row> coming = input.withUnread(input.readStream(spark, read.schema(), stream.maxFiles()), columnsRead(readable));
        Dataset<Row> texts = texts(Partitions.spreadStream(coming, conf, spark), kept, model);
        requireSameColumns(folder, texts.schema());
        stream.write(texts, output.path(), failThreshold());
        out.printf(Locale.ROOT, "all files that had come are done, written to %s%n", output.path());
        return;
      }
      if (output.mode() == OutputOptions.Mode.APPEND) {
        requireSameColumns(folder, texts(rows, kept, model).schema());
      }
      Map<String, String> parameters = allParameters(spark, readable, kept, conf);
      RunReport start =
          new RunReport(
              name(), lock.runId(), mode(exists), input.path(), model.name(), model.sha256(), parameters, RunReport.RUNNING, 0, 0, List.of(), 0);
      if (output.mode() == OutputOptions.Mode.RESUME && isWhole(folder, start, rows)) {
        long all = folder.report().orElseThrow().rows();
        report(start.over(all, all).ended(RunReport.FINISHED, 0), output.path(), out);
        return;
      }
      runSlices(spark, rows, kept, conf, model, exists, folder, start, out);
    }
  }

  /** Readers take the columns of one file for those of all. */
  private void requireSameColumns(OutputFolder folder, StructType written) throws IOException {
    if (!folder.hasRows()) {
      return;
    }
    Optional<StructType> schema = folder.schema();
    if (schema.isEmpty()) {
      return;
    }
    Map<String, String> there = columns(schema.get());
    Map<String, String> here = columns(written);
    for (String column : Stream.concat(there.keySet().stream(), here.keySet().stream()).toList()) {
      String before = there.getOrDefault(column, "missing");
      String now = here.getOrDefault(column, "missing");
      if (!before.equals(now)) {
        throw new UsageException(
            String.format(
                Locale.ROOT, "The column '%s' is %s in the output at %s, and %s in what this run would add; name another --output",
                column, before, output.path(), now));
      }
    }
  }

  private static Map<String, String> columns(StructType schema) {
    Map<String, String> columns = new LinkedHashMap<>();
    for (StructField field : schema.fields()) {
      columns.put(field.name(), field.dataType().catalogString());
    }
    return columns;
  }

  private String mode(boolean exists) {
    if (!exists) {
      return RunReport.BEGINS;
    }
    return output.mode() == OutputOptions.Mode.OVERWRITE ? RunReport.REPLACES : RunReport.ADDS;
  }

  private void runSlices(
      SparkSession spark,
      Dataset<Row> rows,
      List<String> kept,
      GemmaConf conf,
      ModelIdentity model,
      boolean exists,
      OutputFolder whole,
      RunReport start,
      PrintWriter out)
      throws Exception {
    RunReport begun = exists && output.mode() == OutputOptions.Mode.RESUME ? resumed(whole, start) : start;
    boolean staged = !begun.mode().equals(RunReport.BEGINS);
    OutputFolder folder = staged ? whole.staged() : whole;
    checkIds(rows);
    if (staged && output.mode() != OutputOptions.Mode.RESUME) {
      folder.delete();
    }
    folder.open();
    List<String> needed = new ArrayList<>(kept);
    columnsRead(rows).stream().filter(column -> !needed.contains(column)).forEach(needed::add);
    needed.add(InputFiles.UNREAD);
    Dataset<Row> left = rows.select(needed.stream().map(BatchApplication::column).toArray(Column[]::new));
    boolean resumes = output.mode() == OutputOptions.Mode.RESUME && folder.hasRows();
    if (resumes) {
      folder.dropFailed(column(idColumn));
      Dataset<Row> done = folder.rows().select(column(idColumn).as(DONE));
      left = left.join(done, column(idColumn).eqNullSafe(functions.col(DONE)), "left_anti");
    }
    Slices slices = idColumn != null ? Slices.byColumn(left, idColumn) : Slices.byPlace(left);
    try {
      long all = resumes ? rows.count() : slices.rows();
      RunReport report = begun.over(all, all - slices.rows());
      SliceRun run =
          new SliceRun(
              spark, slices, folder, report, slices.rows() * resultsOfARow(), all * resultsOfARow(), failThreshold(),
              slice -> texts(Partitions.spread(slice.rows(), slice.count(), conf, spark), kept, model));
      RunReport done = run.run(out);
      if (done.isFinished() && staged) {
        if (done.mode().equals(RunReport.REPLACES)) {
          whole.replace();
        } else {
          whole.add();
        }
      }
      report(done, staged && !done.isFinished() ? folder.path() : output.path(), out);
    } finally {
      slices.release();
    }
  }

  /** Whether all that this run would resume is there: of an output of several runs, the last with --mode append, nothing can be done again. */
  private static boolean isWhole(OutputFolder folder, RunReport start, Dataset<Row> rows) throws IOException {
    Optional<RunReport> last = folder.staged().report().isPresent() ? Optional.empty() : folder.report();
    return last.isPresent()
        && last.get().isFinished()
        && last.get().mode().equals(RunReport.ADDS)
        && last.get().difference(start).isEmpty()
        && last.get().rows() == rows.count();
  }

  /** The run that this one goes on with. */
  private RunReport resumed(OutputFolder whole, RunReport start) throws IOException {
    OutputFolder staged = whole.staged();
    RunReport earlier = staged.report().isPresent() ? staged.report().get() : whole.report().orElse(null);
    if (earlier == null) {
      throw new UsageException(
          String.format(
              Locale.ROOT, "There is output at %s, but no report of the run that made it (%s); it cannot be resumed", output.path(), RunReport.NAME));
    }
    boolean atWork = staged.report().isPresent();
    if (!atWork && RunReport.ADDS.equals(earlier.mode())) {
      throw new UsageException(
          String.format(Locale.ROOT, "The output at %s is of several runs, the last with --mode append; it cannot be resumed", output.path()));
    }
    earlier
        .difference(start)
        .ifPresent(
            difference -> {
              throw new UsageException(
                  String.format(
                      Locale.ROOT, "The output at %s cannot be resumed: %s%s; resume it with the same, or begin anew with --mode overwrite",
                      output.path(), difference, atWork ? " (in a run with --mode " + earlier.mode() + " that did not finish)" : ""));
            });
    return start.in(atWork ? earlier.mode() : RunReport.BEGINS);
  }

  /** Every row must have an id of its own, or a resumption could not tell which are done. */
  private void checkIds(Dataset<Row> rows) {
    if (idColumn == null) {
      return;
    }
    List<Row> wrong =
        rows.where(functions.col(InputFiles.UNREAD).isNull())
            .groupBy(column(idColumn).as("id"))
            .agg(functions.count(functions.lit(1)).as("rows"))
            .where("id IS NULL OR rows > 1")
            .limit(1)
            .collectAsList();
    if (!wrong.isEmpty()) {
      Row first = wrong.getFirst();
      throw new UsageException(
          String.format(
              Locale.ROOT,
              "The column '%s' (--id-column) %s; every row needs an id of its own",
              idColumn,
              first.isNullAt(0) ? "is NULL in " + first.get(1) + " rows" : "is '" + first.get(0) + "' in " + first.get(1) + " rows"));
    }
  }

  private Map<String, String> allParameters(SparkSession spark, Dataset<Row> rows, List<String> kept, GemmaConf conf) throws IOException {
    Map<String, String> all = new LinkedHashMap<>(source.files().identity(spark));
    all.put("idColumn", idColumn == null ? "none" : idColumn);
    all.put("columns", rows.select(kept.stream().map(BatchApplication::column).toArray(Column[]::new)).schema().toDDL());
    all.putAll(parameters(conf));
    generation.arguments().forEach((name, value) -> all.put(name, value instanceof String[] texts ? Arrays.toString(texts) : value.toString()));
    all.putAll(conf.readings());
    return all;
  }

  private void requireNoCollision(List<String> kept) {
    List<String> results =
        new ArrayList<>(List.of(textColumn(), "finish_reason", "prompt_tokens", "completion_tokens", "error", "model", "model_sha256"));
    results.addAll(moreColumns());
    for (String column : kept) {
      if (results.stream().anyMatch(column::equalsIgnoreCase)) {
        throw new UsageException(
            String.format(Locale.ROOT, "The input has a column '%s', as the output has; keep one other column with --id-column", column));
      }
    }
  }

  private Dataset<Row> texts(Dataset<Row> rows, List<String> kept, ModelIdentity model) {
    Dataset<Row> called = called(rows, callArguments());
    List<Column> columns = new ArrayList<>();
    kept.forEach(column -> columns.add(column(column)));
    Column result = functions.col("_gemma");
    Column error = functions.coalesce(functions.col(InputFiles.UNREAD), result.getField("errorMessage"));
    columns.add(result.getField("result").as(textColumn()));
    columns.add(functions.when(error.isNotNull(), "error").otherwise(result.getField("finishReason")).as("finish_reason"));
    columns.add(result.getField("promptTokens").as("prompt_tokens"));
    columns.add(result.getField("completionTokens").as("completion_tokens"));
    columns.add(error.as("error"));
    columns.add(functions.lit(model.name()).as("model"));
    columns.add(functions.lit(model.sha256()).as("model_sha256"));
    moreColumns().forEach(column -> columns.add(column(column)));
    return called.select(columns.toArray(Column[]::new));
  }

  final Map<String, Object> callArguments() {
    Map<String, Object> arguments = new LinkedHashMap<>(generation.arguments());
    arguments.put("failOnError", false);
    arguments.put("details", true);
    return arguments;
  }

  final boolean isStream() {
    return stream.isOn();
  }

  /** What a call is given of a row: nothing, if the row could not be read. */
  static Column readable(Column text) {
    return functions.when(functions.col(InputFiles.UNREAD).isNull(), text);
  }

  static Column column(String name) {
    return functions.col(quoted(name));
  }

  private static String quoted(String column) {
    return "`" + column.replace("`", "``") + "`";
  }

  private void report(RunReport report, String place, PrintWriter out) {
    String before = report.doneBefore() > 0 ? String.format(Locale.ROOT, "%,d rows were done before, ", report.doneBefore()) : "";
    out.printf(
        Locale.ROOT,
        "%s%,d rows, %,d failed, %,d tokens, %,.0f tokens/s, %.1f s, written to %s%n",
        before,
        report.rowsDone(),
        report.failed(),
        report.tokens(),
        report.tokens() / Math.max(1e-3, report.seconds()),
        report.seconds(),
        place);
    if (!report.isFinished()) {
      throw new GemmaException(
          String.format(
              Locale.ROOT,
              "%s; the column 'error' of %s says why%s",
              failThreshold().sentence(report.failed(), report.rows(), "rows failed"),
              place,
              place.equals(output.path()) ? "" : "; the output that was there stays"));
    }
  }
}
