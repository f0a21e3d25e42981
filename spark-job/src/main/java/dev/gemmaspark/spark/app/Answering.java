package dev.gemmaspark.spark.app;

import dev.gemmaspark.engine.ModelIdentity;
import dev.gemmaspark.spark.GemmaFunctions;
import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.execution.PromptTexts;
import dev.gemmaspark.spark.executor.ExecutorTokenizer;
import dev.gemmaspark.spark.executor.ModelLocation;
import dev.gemmaspark.spark.executor.TaskTokenizer;
import dev.gemmaspark.spark.rag.Citations;
import dev.gemmaspark.spark.rag.Hashes;
import dev.gemmaspark.spark.rag.IndexManifest;
import dev.gemmaspark.spark.rag.PassageIndex;
import dev.gemmaspark.spark.rag.Retriever;
import java.sql.Timestamp;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF2;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Questions to answers, step by step: {@link #evidence}, {@link #ask}, {@link #finish}. A question without evidence never reaches the model.
 */
final class Answering {
  /** What the model said, by what it was asked. */
  static final StructType RESULT =
      new StructType()
          .add("key", DataTypes.StringType)
          .add("said", DataTypes.StringType)
          .add("finish_reason", DataTypes.StringType)
          .add("prompt_tokens", DataTypes.IntegerType)
          .add("completion_tokens", DataTypes.IntegerType)
          .add("error", DataTypes.StringType)
          .add("run_id", DataTypes.StringType)
          .add("created_at", DataTypes.TimestampType);

  /** The template's control tokens, and brackets and blank lines between passages. */
  private static final int ALLOWANCE = 32;

  private static final int TOKENS_BESIDE_A_PASSAGE = 8;

  private final SparkSession spark;
  private final GemmaConf conf;
  private final IndexManifest manifest;
  private final Retriever retriever;
  private final Map<String, Object> arguments;
  private final ModelIdentity model;
  private final String instruction;
  private final String abstention;
  private final int room;
  private final String runId;

  /**
   * @param arguments of the SQL function, by their names
   * @param maxTokens of an answer
   */
  Answering(SparkSession spark, GemmaConf conf, PassageIndex index, IndexManifest manifest, Map<String, Object> arguments, int maxTokens, String runId) {
    this.spark = spark;
    this.conf = conf;
    this.manifest = manifest;
    this.retriever = new Retriever(spark, conf, index, manifest);
    this.arguments = new TreeMap<>(arguments);
    this.model = ModelIdentity.of(ModelLocation.options(conf));
    PromptTexts texts = PromptTexts.read(conf.promptDirectory());
    this.instruction = texts.answer();
    this.abstention = texts.abstention();
    if (!Citations.saysAbstention(instruction, abstention)) {
      throw new UsageException(
          "The prompt template answer.txt of " + conf.promptDirectory().map(Object::toString).orElse("the jar") + " does not have the words '" + abstention
              + "', by which an answer that there is none would be known; put the words that it asks for into answer-abstention.txt beside it, or nothing"
              + " if it asks for none");
    }
    this.runId = runId;
    int context = ModelLocation.contextLength(conf);
    this.room = context - maxTokens - ExecutorTokenizer.get(conf).count(instruction) - ALLOWANCE;
    if (room <= 0) {
      throw new UsageException(String.format(
          Locale.ROOT, "A context of %d tokens has no room for passages beside the instruction and --max-tokens %d; ask for fewer",
          context, maxTokens));
    }
  }

  Retriever retriever() {
    return retriever;
  }

  ModelIdentity model() {
    return model;
  }

  /**
   * Adds the passages that the index has for each question.
   *
   * @param questions with {@code question_id}, {@code question} and {@code problem}, why a row has no question
   */
  Dataset<Row> retrieve(Dataset<Row> questions, int topK, float k1, float b) {
    List<String> different =
        questions.select("question").where("question IS NOT NULL").distinct().orderBy("question").as(Encoders.STRING()).collectAsList();
    return questions.join(retriever.best(different, topK, k1, b), CollectionConverters.asScala(List.of("question")).toSeq(), "left");
  }

  /**
   * Adds {@code shown}, how many of the passages fit the prompt, the best ones first; and {@code key}, which is the same for what the model
   * would be asked in the same words. A row that has a problem is shown nothing, so the model is not asked.
   *
   * @param questions with {@code question}, {@code problem} and {@code passages}
   */
  Dataset<Row> evidence(Dataset<Row> questions) {
    Column fits =
        functions
            .udf(new Fitting(new TaskTokenizer(conf), room), DataTypes.IntegerType)
            .apply(functions.col("question"), functions.col("passages"));
    Column shown = functions.when(functions.col("problem").isNull(), fits).otherwise(0);
    Dataset<Row> fitting = questions.withColumn("shown", shown);
    Column chunks = functions.transform(shownPassages(), passage -> passage.getField("chunk_id"));
    Column key =
        functions.sha2(
            functions.concat_ws(
                "\u0001",
                functions.col("question"),
                functions.lit(model.sha256() + " " + model.name() + " " + conf.readings()),
                functions.lit(promptVersion()),
                functions.lit(arguments.toString()),
                functions.concat_ws(",", chunks)),
            256);
    return fitting.withColumn("key", functions.when(functions.col("shown").gt(0), key));
  }

  private static Column shownPassages() {
    return functions.slice(functions.col("passages"), functions.lit(1), functions.col("shown"));
  }

  /** Of the instruction. */
  String promptVersion() {
    return Hashes.sha256(instruction).substring(0, 12);
  }

  /** Asks the model, for rows with evidence: adds {@code said} and what goes with it. */
  Dataset<Row> ask(Dataset<Row> evidence) {
    Map<String, Object> all = new LinkedHashMap<>(arguments);
    all.put("failOnError", false);
    all.put("details", true);
    Column texts = functions.when(functions.col("shown").gt(0), functions.transform(shownPassages(), passage -> passage.getField("text")));
    Column result = functions.col("_gemma");
    return evidence
        .withColumn("_gemma", GemmaFunctions.answer(functions.col("question"), texts, all))
        .withColumn("said", result.getField("result"))
        .withColumn("finish_reason", functions.when(result.getField("errorMessage").isNotNull(), "error").otherwise(result.getField("finishReason")))
        .withColumn("prompt_tokens", result.getField("promptTokens"))
        .withColumn("completion_tokens", result.getField("completionTokens"))
        .withColumn("error", result.getField("errorMessage"))
        .withColumn("run_id", functions.lit(runId))
        .withColumn("created_at", functions.current_timestamp())
        .drop("_gemma");
  }

  /** Of {@link #RESULT}. */
  static Column[] results() {
    return Arrays.stream(RESULT.fieldNames()).map(functions::col).toArray(Column[]::new);
  }

  /** Checks what was said: the rows of the output. */
  Dataset<Row> finish(Dataset<Row> said) {
    Column[] columns = Arrays.stream(AnswerTable.SAID.fieldNames()).map(functions::col).toArray(Column[]::new);
    AnswerTable.Finish finish =
        new AnswerTable.Finish(
            model.name(), model.sha256(), promptVersion(), abstention, "" + manifest.version(), runId, new Timestamp(System.currentTimeMillis()));
    return said.select(columns).mapPartitions(finish, Encoders.row(AnswerTable.SCHEMA));
  }

  /** How many passages fit. */
  private record Fitting(TaskTokenizer tokenizer, int room) implements UDF2<String, scala.collection.Seq<Row>, Integer> {
    private static final long serialVersionUID = 1L;

    @Override
    public Integer call(String question, scala.collection.Seq<Row> passages) {
      if (question == null || passages == null) {
        return 0;
      }
      int left = room - tokenizer.count(question);
      int fitting = 0;
      for (Row passage : CollectionConverters.asJava(passages)) {
        left -= passage.getInt(6) + TOKENS_BESIDE_A_PASSAGE;
        if (left < 0) {
          break;
        }
        fitting++;
      }
      return fitting;
    }
  }
}
