package dev.gemmaspark.spark.app;

import dev.gemmaspark.spark.GemmaFunctions;
import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.execution.PromptTexts;
import dev.gemmaspark.spark.execution.SummaryStyle;
import dev.gemmaspark.spark.rag.Hashes;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.SparkUserAppException;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Reads documents, summarizes each, and writes the summaries as Parquet. */
@Command(
    name = "summarize",
    description = {
      "Summarize the documents of a column, and write the summaries as Parquet:",
      "the id column (or all of the input's), then summary, finish_reason, prompt_tokens, completion_tokens, error, model,"
          + " model_sha256, parts: a document longer than the model's context is cut into parts, and the summary is that of their summaries."
    },
    mixinStandardHelpOptions = true,
    version = "gemma-spark 0.1.0")
public final class SummarizeApp extends BatchApplication {
  @Option(names = "--text-column", paramLabel = "C", required = true, description = "The column with the documents.")
  private String textColumn;

  @Option(
      names = "--style",
      paramLabel = "S",
      defaultValue = "sentence",
      description = "sentence, sentences or bullets (default: ${DEFAULT-VALUE}).")
  private SummaryStyle style;

  @Option(names = "--max-words", paramLabel = "N", description = "Ask for at most N words.")
  private Integer maxWords;

  private LongDocuments longDocuments;

  /** For spark-submit. */
  public static void main(String[] arguments) throws SparkUserAppException {
    Application.main(new SummarizeApp(), arguments);
  }

  @Override
  void check() {
    super.check();
    if (maxWords != null && maxWords < 1) {
      throw new UsageException("--max-words is " + maxWords + "; it must be at least 1");
    }
  }

  @Override
  String name() {
    return "summarize";
  }

  @Override
  String textColumn() {
    return "summary";
  }

  @Override
  void checkColumns(Dataset<Row> rows) {
    InputFiles.requireColumn(rows, "--text-column", textColumn, DataTypes.StringType);
  }

  @Override
  List<String> columnsRead(Dataset<Row> rows) {
    return List.of(textColumn);
  }

  @Override
  Map<String, String> parameters(GemmaConf conf) {
    Map<String, String> parameters = new LinkedHashMap<>();
    parameters.put("textColumn", textColumn);
    parameters.put("style", style.sqlName());
    parameters.put("maxWords", maxWords == null ? "none" : "" + maxWords);
    // after what it is made of, which says more where that is another
    parameters.put("prompt", Hashes.sha256(PromptTexts.read(conf.promptDirectory()).summarize("", style.sqlName(), maxWords)).substring(0, 12));
    return parameters;
  }

  @Override
  void prepare(Dataset<Row> rows, GemmaConf conf) {
    String instruction = PromptTexts.read(conf.promptDirectory()).summarize("", style.sqlName(), maxWords);
    LongDocuments documents =
        new LongDocuments(conf, instruction, (Integer) callArguments().get("maxTokens"), text -> call(text, callArguments()));
    longDocuments = isStream() || documents.mayBeIn(rows, column(textColumn)) ? documents : null;
  }

  @Override
  Dataset<Row> called(Dataset<Row> rows, Map<String, Object> arguments) {
    Column text = readable(column(textColumn));
    return longDocuments != null
        ? longDocuments.summarize(rows, text)
        : super.called(rows, arguments).withColumn(LongDocuments.PARTS, functions.when(text.isNotNull(), 1));
  }

  @Override
  List<String> moreColumns() {
    return List.of(LongDocuments.PARTS);
  }

  @Override
  Column call(Map<String, Object> arguments) {
    return call(readable(column(textColumn)), arguments);
  }

  private Column call(Column text, Map<String, Object> arguments) {
    Map<String, Object> all = new HashMap<>(arguments);
    all.put("style", style.sqlName());
    if (maxWords != null) {
      all.put("maxWords", maxWords);
    }
    return GemmaFunctions.summarize(text, all);
  }
}
