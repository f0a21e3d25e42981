package dev.gemmaspark.spark.app;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.rag.IndexManifest;
import dev.gemmaspark.spark.rag.PassageIndex;
import dev.gemmaspark.spark.rag.VersionLease;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkUserAppException;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Tells how good answers are, where right ones are known. */
@Command(
    name = "evaluate",
    description = {
      "Compare answers with what is known: questions with the columns 'answer' (the right one), 'source' (the document that has it, or NULL)",
      "and, if there are several kinds of questions without an answer, 'missing' (which kind)."
    },
    mixinStandardHelpOptions = true,
    version = "gemma-spark 0.1.0")
public final class EvaluateApp extends Application {
  private static final String ANSWERABLE = "answerable";
  private static final String UNANSWERABLE = "unanswerable";

  @Mixin private QuestionOptions questions;
  @Mixin private GenerationOptions generation;

  @Option(names = "--answers", paramLabel = "PATH", required = true, description = "What 'answer' wrote.")
  private String answers;

  @Option(
      names = "--passages",
      paramLabel = "P",
      defaultValue = "retrieved",
      description = "retrieved, to judge the answers as they are; or gold, to ask again with the right passage in front (default: ${DEFAULT-VALUE}).")
  private Passages passages;

  @Option(names = "--index", paramLabel = "PATH", description = "With --passages gold: where the passages are (default: the index beside the answers).")
  private String index;

  @Option(names = "--report", paramLabel = "PATH", description = "Write the figures: as JSON, or as Parquet if the name ends so.")
  private String report;

  enum Passages {
    RETRIEVED,
    GOLD
  }

  /** For spark-submit. */
  public static void main(String[] arguments) throws SparkUserAppException {
    Application.main(new EvaluateApp(), arguments);
  }

  @Override
  void check() {
    generation.check();
  }

  @Override
  void run(SparkSession spark, PrintWriter out) throws Exception {
    Dataset<Row> known = known(questions.files(), spark);
    Dataset<Row> answered = InputFiles.read(spark, InputFiles.Format.PARQUET, answers, "--answers");
    for (String column : List.of("question_id", "answer_status", "retrieved", "citations")) {
      InputFiles.requireColumn(answered, "--answers", column, null);
    }
    generation.apply(spark);
    List<Evaluation.Item> items = passages == Passages.GOLD ? asked(spark, known, answered) : items(known, answered);
    int depth = items.stream().mapToInt(item -> item.retrieved().size()).max().orElse(1);
    Evaluation evaluation = Evaluation.of(items, depth);
    out.println(evaluation.table());
    if (report != null) {
      write(spark, evaluation);
    }
  }

  private static Dataset<Row> known(InputFiles files, SparkSession spark) {
    Dataset<Row> read = files.read(spark);
    Dataset<Row> readable = read.drop(InputFiles.CORRUPT);
    InputFiles.requireColumn(readable, "--questions", "question", DataTypes.StringType);
    InputFiles.requireColumn(readable, "--questions", "source", null);
    Dataset<Row> rows = files.whole(read, List.of("question"));
    List<String> columns = Arrays.asList(rows.columns());
    Column none = functions.lit(null).cast("string");
    return rows.select(
        (columns.contains("id") ? functions.col("id") : functions.col("question")).cast("string").as("question_id"),
        functions.col("question"),
        none.as("problem"),
        columns.contains("answer") ? functions.col("answer").cast("string").as("expected") : none.as("expected"),
        functions.col("source").cast("string").as("source"),
        columns.contains("missing") ? functions.col("missing").cast("string").as("missing") : none.as("missing"));
  }

  /** Answers with the passages of the right document; of questions that have none, as they are. */
  private List<Evaluation.Item> asked(SparkSession spark, Dataset<Row> known, Dataset<Row> answered) throws Exception {
    GemmaConf conf = conf(spark);
    PassageIndex passageIndex = new PassageIndex(spark, conf, index != null ? index : new Path(answers, AnswerApp.INDEX).toString());
    IndexManifest manifest = passageIndex.newest();
    passageIndex.requireRules(manifest);
    try (VersionLease _ = passageIndex.lease(manifest, RunReport.newRunId())) {
      return items(known, answersFromGold(spark, conf, passageIndex, manifest, known, answered));
    }
  }

  private Dataset<Row> answersFromGold(
      SparkSession spark, GemmaConf conf, PassageIndex passageIndex, IndexManifest manifest, Dataset<Row> known, Dataset<Row> answered) {
    Map<String, Object> arguments = new LinkedHashMap<>(generation.arguments());
    Answering answering = new Answering(spark, conf, passageIndex, manifest, arguments, (Integer) arguments.get("maxTokens"), "gold");
    Dataset<Row> gold =
        answering.retriever().all()
            .groupBy(functions.col("doc_id").as("source"))
            .agg(functions.sort_array(functions.collect_list(functions.struct("start", "chunk_id", "doc_id", "end", "title", "text", "tokens", "score"))).as("unordered"))
            .withColumn(
                "passages",
                functions.transform(
                    functions.col("unordered"),
                    each ->
                        functions.struct(
                            each.getField("chunk_id"), each.getField("doc_id"), each.getField("start"), each.getField("end"), each.getField("title"),
                            each.getField("text"), each.getField("tokens"), each.getField("score"))))
            .drop("unordered");
    Dataset<Row> withGold = known.where("source IS NOT NULL").join(gold, "source").select("question_id", "question", "problem", "passages");
    Dataset<Row> evidence = Partitions.spread(answering.evidence(withGold), withGold.count(), conf, spark);
    Dataset<Row> others = answered.join(withGold.select("question_id"), scala.jdk.javaapi.CollectionConverters.asScala(List.of("question_id")).toSeq(), "left_anti");
    return answering.finish(answering.ask(evidence)).unionByName(others.select(answered.columns()[0], Arrays.copyOfRange(answered.columns(), 1, answered.columns().length)));
  }

  private static List<Evaluation.Item> items(Dataset<Row> known, Dataset<Row> answered) {
    Map<String, Row> byId = new LinkedHashMap<>();
    answered.collectAsList().forEach(row -> byId.put(row.getAs("question_id"), row));
    List<Evaluation.Item> items = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    for (Row question : known.collectAsList()) {
      if (!seen.add(question.getAs("question_id"))) {
        throw new UsageException("There is more than one question '" + question.getAs("question_id") + "'; ids must be different");
      }
      Row row = byId.get(question.<String>getAs("question_id"));
      if (row == null) {
        throw new UsageException(
            String.format(Locale.ROOT, "The question '%s' has no answer; are these answers to these questions?",
                question.<String>getAs("question_id")));
      }
      String source = question.getAs("source");
      String missing = question.getAs("missing");
      List<Row> retrieved = row.getList(row.fieldIndex("retrieved"));
      List<String> cited = new ArrayList<>();
      for (Row citation : row.<Row>getList(row.fieldIndex("citations"))) {
        cited.add(citation.<Boolean>getAs("valid") ? citation.getAs("doc_id") : null);
      }
      items.add(
          new Evaluation.Item(
              missing != null ? "missing: " + missing : source != null ? ANSWERABLE : UNANSWERABLE,
              question.getAs("expected"),
              source,
              retrieved.stream().map(each -> each.<String>getAs("doc_id")).toList(),
              retrieved.size(),
              row.getAs("answer"),
              row.getAs("answer_status"),
              cited));
    }
    return items;
  }

  private void write(SparkSession spark, Evaluation evaluation) throws Exception {
    if (report.endsWith(".parquet")) {
      List<Row> rows = new ArrayList<>();
      evaluation.byName().forEach((name, figures) -> figures.forEach((kind, figure) -> rows.add(org.apache.spark.sql.RowFactory.create(name, kind, figure))));
      spark
          .createDataFrame(
              rows, new org.apache.spark.sql.types.StructType().add("figure", DataTypes.StringType).add("kind", DataTypes.StringType).add("value", DataTypes.DoubleType))
          .coalesce(1)
          .write()
          .mode("overwrite")
          .parquet(report);
      return;
    }
    Path path = new Path(report);
    try (OutputStream out = path.getFileSystem(spark.sessionState().newHadoopConf()).create(path, true)) {
      new JsonMapper().writerWithDefaultPrettyPrinter().writeValue(out, evaluation.byName());
    }
  }
}
