package dev.gemmaspark.spark.app;

import dev.gemmaspark.engine.ModelIdentity;
import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.execution.SummaryStyle;
import dev.gemmaspark.spark.executor.ModelLocation;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.SparkUserAppException;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Observation;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Reads documents, summarizes each, and writes the summaries as Parquet. */
@Command(
    name = "summarize",
    description = {
      "Summarize the documents of a column, and write the summaries as Parquet:",
      "the id column (or all of the input's), then summary, finish_reason, prompt_tokens, completion_tokens, error, model,"
          + " model_sha256."
    },
    mixinStandardHelpOptions = true,
    version = "gemma-spark 0.1.0")
public final class SummarizeApp extends Application {
  private static final String SUMMARY = "summary";
  private static final List<String> RESULT_COLUMNS =
      List.of(SUMMARY, "finish_reason", "prompt_tokens", "completion_tokens", "error", "model", "model_sha256");

  @Mixin private InputOptions input;
  @Mixin private OutputOptions output;
  @Mixin private GenerationOptions generation;

  @Option(names = "--text-column", paramLabel = "C", required = true, description = "The column with the documents.")
  private String textColumn;

  @Option(names = "--id-column", paramLabel = "C", description = "The only column of the input to keep (default: all).")
  private String idColumn;

  @Option(
      names = "--style",
      paramLabel = "S",
      defaultValue = "sentence",
      description = "sentence, sentences or bullets (default: ${DEFAULT-VALUE}).")
  private SummaryStyle style;

  @Option(names = "--max-words", paramLabel = "N", description = "Ask for at most N words.")
  private Integer maxWords;

  @Option(
      names = "--fail-threshold",
      paramLabel = "SHARE",
      defaultValue = "0.05",
      description = "Fail if more than this share of the rows could not be done (default: ${DEFAULT-VALUE}).")
  private double failThreshold;

  /** For spark-submit. */
  public static void main(String[] arguments) throws SparkUserAppException {
    Application.main(new SummarizeApp(), arguments);
  }

  @Override
  void check() {
    generation.check();
    if (maxWords != null && maxWords < 1) {
      throw new UsageException("--max-words is " + maxWords + "; it must be at least 1");
    }
    if (!(failThreshold >= 0 && failThreshold <= 1)) {
      throw new UsageException("--fail-threshold is " + failThreshold + "; it must be between 0 and 1");
    }
  }

  @Override
  void run(SparkSession spark, PrintWriter out) throws Exception {
    Dataset<Row> documents = input.read(spark);
    InputOptions.requireColumn(documents, "--text-column", textColumn, DataTypes.StringType);
    if (idColumn != null) {
      InputOptions.requireColumn(documents, "--id-column", idColumn, null);
    }
    List<String> kept = idColumn != null ? List.of(idColumn) : Arrays.asList(documents.columns());
    requireNoCollision(kept);
    output.check(spark);
    generation.apply(spark);
    GemmaConf conf = conf(spark);
    ModelIdentity model = identity(conf);

    long rows = documents.count();
    Observation observation = new Observation("summaries");
    Dataset<Row> summaries =
        summaries(Partitions.spread(documents, rows, conf, spark), kept, model)
            .observe(
                observation,
                functions.count(functions.lit(1)).as("rows"),
                functions.count(functions.col("error")).as("failed"),
                functions.sum("prompt_tokens").as("prompt"),
                functions.sum("completion_tokens").as("completion"));
    Progress progress = new Progress(out, rows);
    spark.sparkContext().addSparkListener(progress);
    long start = System.nanoTime();
    try {
      output.write(summaries);
    } finally {
      spark.sparkContext().removeSparkListener(progress);
      progress.clear();
    }
    report(Outcome.of(observation, (System.nanoTime() - start) / 1e9), out);
  }

  private void requireNoCollision(List<String> kept) {
    for (String column : kept) {
      if (RESULT_COLUMNS.stream().anyMatch(column::equalsIgnoreCase)) {
        throw new UsageException(
            "The input has a column '%s', as the output has; keep one other column with --id-column".formatted(column));
      }
    }
  }

  private static GemmaConf conf(SparkSession spark) {
    Map<String, String> settings = new LinkedHashMap<>();
    scala.jdk.javaapi.CollectionConverters.asJava(spark.conf().getAll()).forEach(settings::put);
    return GemmaConf.of(settings);
  }

  private static ModelIdentity identity(GemmaConf conf) {
    return ModelIdentity.of(ModelLocation.options(conf));
  }

  private Dataset<Row> summaries(Dataset<Row> documents, List<String> kept, ModelIdentity model) {
    Dataset<Row> called = documents.withColumn("_gemma", functions.expr(call()));
    List<Column> columns = new ArrayList<>();
    for (String column : kept) {
      columns.add(functions.col(quoted(column)));
    }
    Column result = functions.col("_gemma");
    Column failed = result.getField("errorMessage").isNotNull();
    columns.add(result.getField("result").as(SUMMARY));
    columns.add(functions.when(failed, "error").otherwise(result.getField("finishReason")).as("finish_reason"));
    columns.add(result.getField("promptTokens").as("prompt_tokens"));
    columns.add(result.getField("completionTokens").as("completion_tokens"));
    columns.add(result.getField("errorMessage").as("error"));
    columns.add(functions.lit(model.name()).as("model"));
    columns.add(functions.lit(model.sha256()).as("model_sha256"));
    return called.select(columns.toArray(Column[]::new));
  }

  private String call() {
    Map<String, String> arguments = new LinkedHashMap<>(generation.arguments());
    arguments.put("style", "'" + style.sqlName() + "'");
    if (maxWords != null) {
      arguments.put("maxWords", "" + maxWords);
    }
    arguments.put("failOnError", "false");
    arguments.put("details", "true");
    StringBuilder call = new StringBuilder("gemma_summarize(" + quoted(textColumn));
    arguments.forEach((name, value) -> call.append(", ").append(name).append(" => ").append(value));
    return call.append(")").toString();
  }

  private static String quoted(String column) {
    return "`" + column.replace("`", "``") + "`";
  }

  /** What a job did. */
  private record Outcome(long rows, long failed, long tokens, double seconds) {
    static Outcome of(Observation observation, double seconds) throws InterruptedException {
      Map<String, Object> values = observation.getAsJava();
      return new Outcome(
          number(values.get("rows")),
          number(values.get("failed")),
          number(values.get("prompt")) + number(values.get("completion")),
          seconds);
    }

    private static long number(Object value) {
      return value == null ? 0 : ((Number) value).longValue();
    }
  }

  private void report(Outcome outcome, PrintWriter out) {
    out.printf(
        Locale.ROOT,
        "%,d rows, %,d failed, %,d tokens, %,.0f tokens/s, %.1f s, written to %s%n",
        outcome.rows,
        outcome.failed,
        outcome.tokens,
        outcome.tokens / outcome.seconds,
        outcome.seconds,
        output.path());
    if (outcome.failed > failThreshold * outcome.rows) {
      throw new GemmaException(
          "%d of %d rows failed, more than --fail-threshold %s; the column 'error' of the output says why"
              .formatted(outcome.failed, outcome.rows, failThreshold));
    }
  }
}
