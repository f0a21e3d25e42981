package dev.gemmaspark.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.engine.EngineOptions;
import dev.gemmaspark.engine.TokenCounter;
import dev.gemmaspark.engine.chat.ChatTurn;
import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.SamplingParameters;
import dev.gemmaspark.spark.executor.EngineFactory;
import dev.gemmaspark.spark.executor.ExecutorEngine;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanExec;
import org.apache.spark.sql.execution.adaptive.QueryStageExec;
import org.apache.spark.sql.execution.metric.SQLMetric;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.ArrowUtils;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import scala.jdk.javaapi.CollectionConverters;

/** What queries ask of the model, and what they get: with a fake engine that counts. */
class SqlFunctionsTest {
  private static SparkSession spark;
  private CountingGenerator engine;

  @BeforeAll
  static void start() {
    spark =
        SparkSession.builder()
            .master("local[2,2]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "3")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .getOrCreate();
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      rows.add(RowFactory.create(i, i % 10 == 9 ? null : "doc" + i, i % 2 == 0 ? "en" : "de", i % 4));
    }
    StructType schema =
        new StructType()
            .add("id", DataTypes.IntegerType, false)
            .add("body", DataTypes.StringType)
            .add("lang", DataTypes.StringType)
            .add("grp", DataTypes.IntegerType);
    spark.createDataFrame(rows, schema).repartition(1).sortWithinPartitions("id").persist().createOrReplaceTempView("docs");
  }

  @AfterAll
  static void stop() {
    spark.stop();
    ExecutorEngine.replaceFactory(EngineFactory::gemma);
  }

  @BeforeEach
  void newEngine() {
    engine = new CountingGenerator();
    ExecutorEngine.replaceFactory(settings -> engine);
  }

  @AfterEach
  void noArrowMemoryStays() {
    assertThat(ArrowUtils.rootAllocator().getAllocatedMemory()).isZero();
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "SELECT id, gemma_summarize(body) s FROM docs | 180 | 200",
    "SELECT id, gemma_summarize(body) FROM docs WHERE id < 5 | 5 | 5",
    "SELECT id, s FROM (SELECT id, gemma_summarize(body) s FROM docs) WHERE id < 5 | 5 | 5",
    "SELECT count(*) FROM (SELECT gemma_summarize(body) FROM docs) | 0 | 1",
    "SELECT id FROM (SELECT id, gemma_summarize(body) s FROM docs) | 0 | 200",
    "SELECT gemma_summarize(body), gemma_summarize(body) FROM docs WHERE id < 5 | 5 | 5",
    "SELECT gemma_summarize(body), gemma_generate(body) FROM docs WHERE id < 5 | 10 | 5",
    "SELECT gemma_summarize(body) FROM docs LIMIT 3 | 3 | 3",
    "SELECT upper(s) FROM (SELECT gemma_summarize(body) s FROM docs) LIMIT 3 | 3 | 3",
    "SELECT id FROM docs WHERE lang = 'en' AND gemma_generate(body) = '[doc4]' AND id < 20 | 10 | 1",
    "SELECT id FROM docs WHERE id < 8 ORDER BY gemma_generate(body) DESC | 8 | 8",
    "SELECT CASE WHEN id < 3 THEN gemma_generate(body) WHEN id < 7 THEN body ELSE gemma_summarize(body) END FROM docs WHERE id < 10 | 5 | 10",
    "SELECT if(lang = 'en', gemma_generate(body), 'no') FROM docs WHERE id < 10 | 5 | 10",
    "SELECT coalesce(nullif(lang, 'en'), gemma_generate(body)) FROM docs WHERE id < 10 | 5 | 10",
    "SELECT grp, gemma_summarize(concat_ws(' ', sort_array(collect_list(body)))) FROM docs GROUP BY grp | 4 | 4",
    "SELECT grp, count(gemma_summarize(body)) FROM docs WHERE id < 20 GROUP BY grp | 18 | 4",
    "SELECT concat(gemma_generate(max(body)), min(id)) FROM docs WHERE id < 20 | 1 | 1",
    "SELECT gemma_generate(gemma_summarize(body)) FROM docs WHERE id < 5 | 10 | 5",
    "SELECT explode(split(gemma_generate(body), 'c')) FROM docs WHERE id < 5 | 5 | 10",
    "SELECT row_number() OVER (PARTITION BY gemma_generate(lang) ORDER BY id) FROM docs WHERE id < 6 | 2 | 6",
    "SELECT a.id FROM docs a JOIN docs b ON gemma_generate(a.body) = concat('[', b.body, ']') WHERE a.id < 5 | 5 | 5",
    "WITH s AS (SELECT id, gemma_generate(body) g FROM docs WHERE id < 5) SELECT g FROM s | 5 | 5",
    "SELECT gemma_generate('hello') | 1 | 1",
    "SELECT gemma_generate(x) FROM VALUES ('a'), ('b'), (NULL) AS t(x) | 2 | 3",
    "SELECT DISTINCT gemma_generate(lang) FROM docs WHERE id < 6 | 2 | 2",
    "SELECT gemma_generate(lang) FROM docs | 2 | 200",
    "SELECT gemma_generate(lang, seed => grp) FROM docs WHERE id < 8 | 4 | 8",
    "SELECT gemma_chat(array(named_struct('role', 'user', 'content', body))) FROM docs WHERE id < 5 | 5 | 5",
    "SELECT gemma_chat(NULL) FROM docs WHERE id < 5 | 0 | 5",
    "SELECT gemma_answer('who?', array(lang)) FROM docs WHERE id < 5 | 2 | 5",
    "SELECT gemma_answer(body, array('a', 'b')) FROM docs WHERE id < 12 | 11 | 12",
    "SELECT gemma_answer(body, array()) FROM docs WHERE id < 5 | 0 | 5",
    "SELECT gemma_answer(question => NULL, passages => array(body)) FROM docs WHERE id < 5 | 0 | 5",
    "SELECT gemma_answer('q', collect_list(body)) FROM docs WHERE id < 6 GROUP BY grp | 4 | 4",
    "SELECT gemma_count_tokens(body) FROM docs | 0 | 200",
    "SELECT id FROM docs WHERE gemma_count_tokens(body) > 1 AND id < 5 | 0 | 5",
    "SELECT gemma_generate(body) FROM docs WHERE gemma_count_tokens(body) > 1 AND id < 5 | 5 | 5",
    "SELECT sum(gemma_count_tokens(gemma_generate(body))) FROM docs WHERE id < 5 | 5 | 1",
    "SELECT id, gemma_generate(body) g FROM docs WHERE id < 5 ORDER BY id DESC | 5 | 5",
    "SELECT g FROM (SELECT id, gemma_generate(body) g FROM docs) WHERE g IS NOT NULL AND id < 12 | 11 | 11",
    "SELECT length(gemma_generate(body)) + length(gemma_generate(body)) FROM docs WHERE id < 5 | 5 | 5",
    "SELECT max(gemma_generate(body)) OVER (PARTITION BY grp) FROM docs WHERE id < 5 | 5 | 5",
    "SELECT lang, first(g) FROM (SELECT lang, gemma_generate(lang) g FROM docs WHERE id < 10) GROUP BY lang | 2 | 2",
    "SELECT grp, gemma_generate(concat('x', grp)) FROM docs GROUP BY grp | 4 | 4",
    "SELECT gemma_generate(concat('x', grp)), count(*) FROM docs WHERE id < 40 GROUP BY gemma_generate(concat('x', grp)) | 4 | 4",
    "SELECT grp FROM docs GROUP BY grp HAVING gemma_generate(max(body)) <> '' | 4 | 4",
    "SELECT a.id, gemma_generate(b.body) FROM docs a JOIN docs b ON a.id = b.id WHERE a.id < 5 | 5 | 5",
    "SELECT a.id FROM docs a LEFT JOIN docs b ON a.id = b.id AND gemma_generate(b.body) <> '' WHERE a.id < 5 | 5 | 5",
    "SELECT id, (SELECT max(gemma_generate(lang)) FROM docs WHERE id < 3) FROM docs WHERE id < 2 | 2 | 2",
    "SELECT id FROM docs WHERE id < 3 UNION ALL SELECT length(gemma_generate(body)) FROM docs WHERE id < 3 | 3 | 6",
    "SELECT gemma_generate(body) FROM docs WHERE id IN (SELECT id FROM docs WHERE id < 4) | 4 | 4",
    "SELECT transform(array(gemma_generate(body)), x -> upper(x)) FROM docs WHERE id < 3 | 3 | 3",
    "SELECT named_struct('a', gemma_generate(body)).a FROM docs WHERE id < 3 | 3 | 3",
    "SELECT gemma_generate(body) FROM docs WHERE id < 8 DISTRIBUTE BY grp | 8 | 8",
    "SELECT /*+ REPARTITION(2) */ gemma_generate(body) FROM docs WHERE id < 8 | 8 | 8",
    "SELECT gemma_summarize(body, style => if(id < 2, 'bullets', 'sentence')) FROM docs WHERE id < 5 | 5 | 5",
    "SELECT id FROM docs WHERE id < 5 AND (lang = 'en' OR gemma_generate(body) = 'x') | 2 | 3",
    "SELECT lang = 'en' AND gemma_generate(body) = 'x' FROM docs WHERE id < 5 | 3 | 5",
    // a sort of several partitions samples what is below it
    "SELECT id, gemma_generate(concat('x', id)) g FROM range(0, 40, 1, 4) ORDER BY id DESC | 40 | 40",
    "SELECT id, upper(gemma_generate(g)) FROM (SELECT id, gemma_generate(concat('x', id)) g FROM range(0, 40, 1, 4)) ORDER BY id % 3, id | 80 | 40",
    "SELECT id, gemma_generate(concat('x', id)) g FROM range(0, 40, 1, 4) ORDER BY id DESC LIMIT 3 | 3 | 3",
    "SELECT g FROM (SELECT id, gemma_generate(concat('x', id)) g FROM range(0, 40, 1, 4) ORDER BY id DESC LIMIT 7) WHERE length(g) > 0 | 7 | 7",
    "SELECT g, gemma_generate(g) FROM (SELECT id, gemma_generate(concat('x', id)) g FROM range(0, 40, 1, 4)) ORDER BY id LIMIT 5 | 10 | 5",
  })
  void queriesCallTheModelAsOftenAsTheyMust(String query, int calls, int rows) {
    assertThat(spark.sql(query).collectAsList()).hasSize(rows);
    assertThat(engine.calls()).as(query).isEqualTo(calls);
  }

  @Test
  void resultsKeepTheOrderAndNullStaysNull() {
    List<Row> rows = spark.sql("SELECT id, gemma_generate(body) FROM docs").collectAsList();
    List<String> expected = IntStream.range(0, 200).mapToObj(i -> i % 10 == 9 ? null : "[doc" + i + "]").toList();
    assertThat(rows).extracting(row -> row.getInt(0)).isEqualTo(IntStream.range(0, 200).boxed().toList());
    assertThat(rows).extracting(row -> row.getString(1)).isEqualTo(expected);
  }

  @Test
  void theFirstRowsOfASortAreTheSameAndInItsOrder() {
    assertThat(spark.sql("SELECT id, gemma_generate(concat('x', id)) FROM range(0, 40, 1, 4) ORDER BY id % 10 DESC, id LIMIT 5").collectAsList())
        .extracting(row -> row.getLong(0) + row.getString(1))
        .containsExactly("9[x9]", "19[x19]", "29[x29]", "39[x39]", "8[x8]");
    assertThat(spark.sql("SELECT gemma_generate(concat('x', id)) g FROM range(0, 40, 1, 4) ORDER BY g DESC LIMIT 2").collectAsList())
        .extracting(row -> row.getString(0))
        .containsExactly("[x9]", "[x8]");
  }

  @Test
  void dataFrameLimitOnOnePartitionCallsTheModelThatOften() {
    Dataset<Row> frame = spark.table("docs").selectExpr("gemma_summarize(body) AS s");
    assertThat(frame.limit(3).collectAsList()).hasSize(3);
    assertThat(engine.calls()).isEqualTo(3);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "SELECT id, gemma_summarize(body) FROM docs WHERE id < 5 | numOutputRows=5 modelCalls=5 failedRows=0 promptTokens=50 generatedTokens=15",
    "SELECT id, gemma_summarize(body) FROM docs WHERE id < 10 | numOutputRows=10 modelCalls=9 failedRows=0 promptTokens=90 generatedTokens=27",
    "SELECT gemma_generate(if(id = 1, 'BAD', body), failOnError => false) FROM docs WHERE id < 5"
        + " | numOutputRows=5 modelCalls=5 failedRows=1 promptTokens=40 generatedTokens=12",
    "SELECT gemma_generate(max(body)) FROM docs WHERE id < 5 GROUP BY grp"
        + " | numOutputRows=4 modelCalls=4 failedRows=0 promptTokens=40 generatedTokens=12",
  })
  void theOperatorCountsRowsCallsAndTokens(String query, String expected) {
    Dataset<Row> frame = spark.sql(query);
    frame.collectAsList();
    scala.collection.immutable.Map<String, SQLMetric> metrics = operator(frame.queryExecution().executedPlan()).metrics();
    for (String each : expected.split(" ")) {
      String key = each.substring(0, each.indexOf('='));
      assertThat(key + "=" + metrics.apply(key).value()).isEqualTo(each);
    }
    assertThat(metrics.apply("engineTime").value()).isPositive();
  }

  @Test
  void whatIsOnlyCountedHasNoOperatorAtAll() {
    Dataset<Row> frame = spark.sql("SELECT count(*) FROM (SELECT gemma_summarize(body) FROM docs)");
    frame.collectAsList();
    assertThat(operator(frame.queryExecution().executedPlan())).isNull();
  }

  /** The one operator of ours in a plan, or null. */
  private static SparkPlan operator(SparkPlan plan) {
    if (plan instanceof AdaptiveSparkPlanExec adaptive) {
      return operator(adaptive.executedPlan());
    }
    if (plan instanceof QueryStageExec stage) {
      return operator(stage.plan());
    }
    if (plan.nodeName().equals("EvalGemma")) {
      return plan;
    }
    for (SparkPlan child : CollectionConverters.asJava(plan.children())) {
      SparkPlan found = operator(child);
      if (found != null) {
        return found;
      }
    }
    return null;
  }

  @Test
  void theTurnIsTheInstructionABlankLineAndTheText() {
    spark.sql("SELECT gemma_summarize('Some text.'), gemma_summarize('Some text.', style => 'bullets', maxWords => 20)").collect();
    assertThat(engine.requests)
        .extracting(CountingGenerator::text)
        .containsExactlyInAnyOrder(
            "Summarize the following document in one sentence.\n\nSome text.",
            "Summarize the following document as bullet points. Use at most 20 words.\n\nSome text.");
  }

  @Test
  void chatsAndAnswersAreRendered() {
    spark
        .sql(
            "SELECT gemma_chat(transform(array('system:Be kind.', 'user:Hi', 'assistant:Hello', 'user:' || body),"
                + " x -> named_struct('role', split_part(x, ':', 1), 'content', split_part(x, ':', 2)))),"
                + " gemma_answer('Who?', array('a', NULL, 'b')) FROM docs WHERE id = 1")
        .collect();
    assertThat(engine.requests)
        .extracting(CountingGenerator::turns)
        .containsExactlyInAnyOrder(
            List.of(ChatTurn.system("Be kind."), ChatTurn.user("Hi"), ChatTurn.model("Hello"), ChatTurn.user("doc1")),
            List.of(
                ChatTurn.user(
                    "Answer the question using only the passages below. Cite the passages you used by their numbers in square brackets."
                        + " If the passages do not contain the answer, say that the passages do not say.\n\n[1] a\n\n[2] b\n\nQuestion: Who?")));
  }

  @Test
  void aBadMessageIsItsRowsError() {
    List<Row> rows =
        spark
            .sql(
                "SELECT gemma_chat(array(named_struct('role', r, 'content', 'x')), failOnError => false).errorMessage"
                    + " FROM VALUES (1, 'user'), (2, 'robot'), (3, NULL) AS t(id, r) ORDER BY id")
            .collectAsList();
    assertThat(rows.get(0).getString(0)).isNull();
    assertThat(rows.get(1).getString(0)).contains("role is 'robot'; it must be one of system, user, assistant, model");
    assertThat(rows.get(2).getString(0)).isEqualTo("INVALID_REQUEST: message 1 of the conversation has no role; each has a role and a content");
  }

  @Test
  void tokensAreCountedAsTheModelSeesThem() {
    assertThat(spark.sql("SELECT gemma_count_tokens('The catalog service'), gemma_count_tokens(NULL), gemma_count_tokens('')").first())
        .isEqualTo(RowFactory.create(TokenCounter.ofModel(EngineOptions.forModel("demo")).count("The catalog service"), null, 0));
  }

  @ParameterizedTest
  @ValueSource(strings = {"gemma_generate", "gemma_chat", "gemma_summarize", "gemma_answer", "gemma_count_tokens"})
  void functionsDescribeThemselves(String function) {
    String text =
        String.join(
            "\n",
            spark.sql("DESCRIBE FUNCTION EXTENDED " + function).collectAsList().stream().map(row -> row.getString(0)).toList());
    assertThat(text).contains("Function: " + function, "Usage: " + function + "(", "Arguments:", "Examples:", "> SELECT " + function + "(");
  }

  @Test
  void namedArgumentsReachTheModelAsConstantsAndAsColumns() {
    spark
        .sql(
            "SELECT gemma_generate(body, system => 'Be kind.', maxTokens => 7, temperature => 0.5, topK => 3, topP => 0.9,"
                + " minP => 0.1, repetitionPenalty => 1.5, seed => id, stop => array('x', 'y')) FROM docs WHERE id = 8")
        .collect();
    GenerationRequest request = engine.requests.getFirst();
    assertThat(CountingGenerator.turns(request)).containsExactly(ChatTurn.system("Be kind."), ChatTurn.user("doc8"));
    assertThat(request.sampling()).isEqualTo(new SamplingParameters(0.5, 3, 0.9, 0.1, 1.5, 8));
    assertThat(request.stop().maxTokens()).isEqualTo(7);
    assertThat(request.stop().stopSequences()).containsExactly("x", "y");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
    "gemma_generate(body, maxToken => 5) | no argument 'maxToken'; did you mean maxTokens?",
    "gemma_generate(body, maxTokens => 0) | maxTokens is 0; it must be at least 1",
    "gemma_generate(body, temperature => -1.0) | temperature is -1.0",
    "gemma_generate(body, topP => 1.5D) | topP is 1.5",
    "gemma_summarize(body, style => 'haiku') | style is 'haiku'; it must be one of [sentence, sentences, bullets]",
    "gemma_summarize(body, 'bullets') | takes content without a name; write the others as name => value",
    "gemma_summarize(style => 'bullets') | needs the argument 'content'",
    "gemma_summarize(body, details => lang = 'en') | only a constant, true or false, for 'details'",
    "gemma_generate(array(body)) | DATATYPE_MISMATCH",
    "gemma_answer(body) | needs the argument 'passages'",
    "gemma_answer(body, body) | DATATYPE_MISMATCH",
    "gemma_chat(body) | DATATYPE_MISMATCH",
    "gemma_count_tokens(body, 1) | takes one argument, text; it is given 2",
    "gemma_count_tokens(txt => body) | has no argument 'txt'; its argument is text",
    "gemma_generate(nosuch) | UNRESOLVED_COLUMN",
  })
  void wrongCallsFailBeforeAnythingRuns(String call, String message) {
    assertThatThrownBy(() -> spark.sql("SELECT " + call + " FROM docs")).hasMessageContaining(message);
    assertThat(engine.calls()).isZero();
  }

  @Test
  void aBadRowFailsTheQueryOrIsAValue() {
    String rows = " FROM VALUES (1, 'a'), (2, 'BAD'), (3, NULL) AS t(id, x) ORDER BY id";
    assertThatThrownBy(() -> spark.sql("SELECT gemma_generate(x)" + rows).collect())
        .hasStackTraceContaining("PROMPT_TOO_LONG: too long, says the test")
        .hasStackTraceContaining("failOnError => false");
    Dataset<Row> going = spark.sql("SELECT gemma_generate(x, failOnError => false) r" + rows);
    assertThat(going.schema().apply("r").dataType().catalogString()).isEqualTo("struct<result:string,errorMessage:string>");
    assertThat(going.collectAsList())
        .extracting(row -> String.valueOf(row.get(0)))
        .containsExactly("[[a],null]", "[null,PROMPT_TOO_LONG: too long, says the test]", "null");
    Dataset<Row> details = spark.sql("SELECT gemma_generate(x, failOnError => false, details => true) r" + rows);
    assertThat(details.schema().apply("r").dataType().catalogString())
        .isEqualTo("struct<result:string,finishReason:string,promptTokens:int,completionTokens:int,errorMessage:string>");
    assertThat(details.collectAsList().getFirst().getStruct(0)).isEqualTo(RowFactory.create("[a]", "stop", 10, 3, null));
  }

  @Test
  void aParameterThatIsWrongInOneRowIsThatRowsError() {
    List<Row> rows =
        spark
            .sql(
                "SELECT gemma_summarize('x', style => s, failOnError => false).errorMessage"
                    + " FROM VALUES (1, 'bullets'), (2, 'haiku') AS t(id, s) ORDER BY id")
            .collectAsList();
    assertThat(rows.get(0).getString(0)).isNull();
    assertThat(rows.get(1).getString(0)).contains("style is 'haiku'");
  }

  @Test
  void aCancelledQueryGivesItsRequestsUp() throws Exception {
    spark.sparkContext().setJobGroup("hang", "hangs", true);
    Thread query =
        Thread.ofPlatform()
            .start(
                () -> {
                  spark.sparkContext().setJobGroup("hang", "hangs", true);
                  try {
                    spark.sql("SELECT gemma_generate('HANG')").collect();
                  } catch (Exception e) {
                    // cancelled
                  }
                });
    for (int i = 0; i < 200 && engine.hanging.isEmpty(); i++) {
      Thread.sleep(20);
    }
    spark.sparkContext().cancelJobGroup("hang");
    query.join(TimeUnit.SECONDS.toMillis(20));
    assertThat(query.isAlive()).isFalse();
    for (int i = 0; i < 200 && !engine.hanging.getFirst().isCancelled(); i++) {
      Thread.sleep(20);
    }
    assertThat(engine.hanging).isNotEmpty().allMatch(future -> future.isCancelled());
    spark.sparkContext().clearJobGroup();
  }
}
