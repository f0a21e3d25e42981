package dev.gemmaspark.spark.app;

import dev.gemmaspark.engine.ModelIdentity;
import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.executor.ModelLocation;
import dev.gemmaspark.spark.executor.SuspectRows;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** An application that makes a text of every row, and writes the texts as Parquet: all at once, or as files come. */
abstract class BatchApplication extends Application {
  @Mixin InputOptions input;
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
      names = "--fail-threshold",
      paramLabel = "SHARE",
      defaultValue = "0.05",
      description = "Fail as soon as more than this share of the rows could not be done (default: ${DEFAULT-VALUE}).")
  private double failThreshold;

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
  abstract Map<String, String> parameters();

  @Override
  void check() {
    generation.check();
    stream.check(output.mode());
    if (!(failThreshold >= 0 && failThreshold <= 1)) {
      throw new UsageException("--fail-threshold is " + failThreshold + "; it must be between 0 and 1");
    }
    if (output.mode() == OutputOptions.Mode.RESUME && idColumn == null) {
      throw new UsageException("--mode resume needs --id-column: by their ids it knows which rows are done");
    }
    if (input.path().equals(output.path())) {
      throw new UsageException("--input and --output are the same, " + output.path() + "; name another --output");
    }
  }

  @Override
  final void run(SparkSession spark, PrintWriter out) throws Exception {
    Dataset<Row> rows = input.read(spark);
    checkColumns(rows);
    if (idColumn != null) {
      InputOptions.requireColumn(rows, "--id-column", idColumn, null);
      spark.sparkContext().setLocalProperty(SuspectRows.ID_COLUMN, idColumn);
    }
    List<String> kept = idColumn != null ? List.of(idColumn) : Arrays.asList(rows.columns());
    requireNoCollision(kept);
    generation.apply(spark);
    GemmaConf conf = conf(spark);
    prepare(rows, conf);
    if (dryRun) {
      Dataset<Row> some = DryRun.sample(rows);
      new DryRun(conf, out).run(rows.count() * resultsOfARow(), texts(some, kept, ModelIdentity.of(ModelLocation.options(conf))));
      return;
    }
    if (stream.isOn()) {
      ModelIdentity model = ModelIdentity.of(ModelLocation.options(conf));
      Dataset<Row> coming = input.readStream(spark, rows.schema(), stream.maxFiles());
      stream.write(texts(Partitions.spreadStream(coming, conf, spark), kept, model), output.path());
      out.printf(Locale.ROOT, "all files that had come are done, written to %s%n", output.path());
      return;
    }
    Optional<RunReport> earlier = output.check(spark);
    ModelIdentity model = ModelIdentity.of(ModelLocation.options(conf));
    RunReport start =
        new RunReport(
            name(), input.path(), model.name(), model.sha256(), allParameters(conf), RunReport.RUNNING, 0, 0, List.of(), 0);
    earlier
        .flatMap(report -> report.difference(start))
        .ifPresent(
            difference -> {
              throw new UsageException(String.format(Locale.ROOT, "The output at %s cannot be resumed: %s", output.path(), difference));
            });
    runSlices(spark, rows, kept, conf, model, start, out);
  }

  private void runSlices(
      SparkSession spark, Dataset<Row> rows, List<String> kept, GemmaConf conf, ModelIdentity model, RunReport start, PrintWriter out)
      throws Exception {
    OutputFolder folder = new OutputFolder(output.path(), spark);
    folder.open(output.mode() == OutputOptions.Mode.OVERWRITE);
    List<String> needed = new ArrayList<>(kept);
    columnsRead(rows).stream().filter(column -> !needed.contains(column)).forEach(needed::add);
    Dataset<Row> left = rows.select(needed.stream().map(BatchApplication::column).toArray(Column[]::new));
    long all = rows.count();
    if (output.mode() == OutputOptions.Mode.RESUME && folder.hasRows()) {
      Dataset<Row> done = spark.read().parquet(output.path()).select(column(idColumn));
      left = left.join(done, left.col(quoted(idColumn)).equalTo(done.col(quoted(idColumn))), "left_anti");
    }
    Slices slices = new Slices(left);
    try {
      RunReport report =
          new RunReport(
              start.application(), start.input(), start.model(), start.modelSha256(), start.parameters(), RunReport.RUNNING,
              all, all - slices.rows(), List.of(), 0);
      SliceRun run =
          new SliceRun(
              spark, slices, folder, report, slices.rows() * resultsOfARow(), failThreshold, slice -> texts(Partitions.spread(slice.rows(), slice.count(), conf, spark), kept, model));
      report(run.run(out), out);
    } finally {
      slices.release();
    }
  }

  private Map<String, String> allParameters(GemmaConf conf) {
    Map<String, String> all = new LinkedHashMap<>(parameters());
    generation.arguments().forEach((name, value) -> all.put(name, value.toString()));
    all.put("contextLength", conf.contextLength().isPresent() ? "" + conf.contextLength().getAsInt() : "default");
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
    Column failed = result.getField("errorMessage").isNotNull();
    columns.add(result.getField("result").as(textColumn()));
    columns.add(functions.when(failed, "error").otherwise(result.getField("finishReason")).as("finish_reason"));
    columns.add(result.getField("promptTokens").as("prompt_tokens"));
    columns.add(result.getField("completionTokens").as("completion_tokens"));
    columns.add(result.getField("errorMessage").as("error"));
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

  static Column column(String name) {
    return functions.col(quoted(name));
  }

  private static String quoted(String column) {
    return "`" + column.replace("`", "``") + "`";
  }

  private void report(RunReport report, PrintWriter out) {
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
        output.path());
    if (!report.isFinished()) {
      throw new GemmaException(
          String.format(Locale.ROOT, "%d of %d rows failed, more than --fail-threshold %s; the column 'error' of the output says why",
              report.failed(), report.rows(), failThreshold));
    }
  }
}
