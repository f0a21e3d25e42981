package dev.gemmaspark.spark.app;

import dev.gemmaspark.spark.GemmaFunctions;
import dev.gemmaspark.spark.conf.GemmaConf;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.SparkUserAppException;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Makes a prompt of every row, and writes the model's answers as Parquet. */
@Command(
    name = "generate",
    description = {
      "Answer a prompt for every row, and write the answers as Parquet:",
      "the id column (or all of the input's), then generated, finish_reason, prompt_tokens, completion_tokens, error, model,"
          + " model_sha256."
    },
    mixinStandardHelpOptions = true,
    version = "gemma-spark 0.1.0")
public final class GenerateApp extends BatchApplication {
  @Option(
      names = "--prompt-template",
      paramLabel = "T",
      required = true,
      description = "The prompt; {column} stands for a row's value, {{ and }} for braces. A row with NULL in it is left out.")
  private String template;

  @Option(names = "--system", paramLabel = "TEXT", description = "Instructions for the model, before the prompt.")
  private String system;

  @Option(
      names = "--sampling",
      paramLabel = "FILE",
      description = "JSON lines of sampling parameters, such as {\"temperature\": 0.7, \"seed\": 1}: every row is done once with each, and the"
          + " column 'sampling' says with which.")
  private String samplingFile;

  private RowTemplate parsed;
  private SamplingLines sampling;

  /** For spark-submit. */
  public static void main(String[] arguments) throws SparkUserAppException {
    Application.main(new GenerateApp(), arguments);
  }

  @Override
  void check() {
    super.check();
    parsed = RowTemplate.parse(template);
  }

  @Override
  String name() {
    return "generate";
  }

  @Override
  String textColumn() {
    return "generated";
  }

  @Override
  void checkColumns(Dataset<Row> rows) {
    for (String column : parsed.columns()) {
      if (column.isEmpty()) {
        throw new UsageException(
            "--prompt-template has {} without a name; write {column} with one of the input's columns (" + String.join(", ", rows.columns())
                + "), or {{}} for the braces themselves");
      }
      InputFiles.requireColumn(rows, "--prompt-template", column, null);
    }
  }

  @Override
  List<String> columnsRead(Dataset<Row> rows) {
    return parsed.columns();
  }

  @Override
  Map<String, String> parameters(GemmaConf conf) {
    Map<String, String> parameters = new LinkedHashMap<>();
    parameters.put("promptTemplate", template);
    parameters.put("system", system == null ? "none" : system);
    parameters.put("sampling", sampling == null ? "none" : String.join(" ", sampling.lines()));
    return parameters;
  }

  @Override
  void prepare(Dataset<Row> rows, GemmaConf conf) {
    sampling = samplingFile == null ? null : SamplingLines.read(rows.sparkSession(), samplingFile);
  }

  @Override
  int resultsOfARow() {
    return sampling == null ? 1 : sampling.count();
  }

  @Override
  Dataset<Row> called(Dataset<Row> rows, Map<String, Object> arguments) {
    return sampling == null ? super.called(rows, arguments) : super.called(sampling.times(rows), sampling.arguments(arguments));
  }

  @Override
  List<String> moreColumns() {
    return samplingFile == null ? List.of() : List.of(SamplingLines.COLUMN);
  }

  @Override
  Column call(Map<String, Object> arguments) {
    Map<String, Object> all = new HashMap<>(arguments);
    if (system != null) {
      all.put("system", system);
    }
    return GemmaFunctions.generate(readable(parsed.column()), all);
  }

  /**
   * A text with places for columns.
   *
   * @param parts texts and columns by turns, from a text on
   */
  record RowTemplate(List<String> parts) {
    /** Reads a template. */
    static RowTemplate parse(String template) {
      List<String> parts = new ArrayList<>();
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < template.length(); i++) {
        char c = template.charAt(i);
        boolean twice = i + 1 < template.length() && template.charAt(i + 1) == c;
        if ((c == '{' || c == '}') && twice) {
          text.append(c);
          i++;
        } else if (c == '{') {
          int end = template.indexOf('}', i);
          if (end < 0) {
            throw new UsageException("--prompt-template has a '{' without a '}'; write {{ for a brace");
          }
          parts.add(text.toString());
          parts.add(template.substring(i + 1, end).strip());
          text.setLength(0);
          i = end;
        } else if (c == '}') {
          throw new UsageException("--prompt-template has a '}' without a '{'; write }} for a brace");
        } else {
          text.append(c);
        }
      }
      parts.add(text.toString());
      RowTemplate parsed = new RowTemplate(List.copyOf(parts));
      if (parsed.columns().isEmpty()) {
        throw new UsageException("--prompt-template names no column, so all rows would have the same prompt; write {column} where a row's text goes");
      }
      return parsed;
    }

    List<String> columns() {
      List<String> columns = new ArrayList<>();
      for (int i = 1; i < parts.size(); i += 2) {
        if (!columns.contains(parts.get(i))) {
          columns.add(parts.get(i));
        }
      }
      return columns;
    }

    /** The prompt of a row; what a column holds is never looked into. */
    Column column() {
      Column[] all = new Column[parts.size()];
      Arrays.setAll(
          all, i -> i % 2 == 0 ? functions.lit(parts.get(i)) : BatchApplication.column(parts.get(i)).cast("string"));
      return functions.concat(all);
    }
  }
}
