package dev.gemmaspark.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.FinishReason;
import dev.gemmaspark.engine.generation.TextGenerator;
import dev.gemmaspark.engine.generation.TokenUsage;
import dev.gemmaspark.spark.conf.ConfigKey;
import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.executor.EngineFactory;
import dev.gemmaspark.spark.executor.EngineSettings;
import dev.gemmaspark.spark.executor.ExecutorEngine;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which settings a query follows, where there are several sessions, views and functions: engines say by which model they answer. */
class SessionSettingsTest {
  @TempDir static Path folder;
  private static SparkSession application;
  private SparkSession spark;

  @BeforeAll
  static void start() {
    application =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.warehouse.dir", folder.resolve("warehouse").toString())
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .getOrCreate();
    ExecutorEngine.replaceFactory(SessionSettingsTest::open);
    application.sql("CREATE TABLE docs USING parquet AS SELECT 'text' AS body");
  }

  private static TextGenerator open(EngineSettings settings) {
    String answer = "by " + settings.settings().getOrDefault("spark.gemma.model", "demo");
    return request -> CompletableFuture.completedFuture(new Completion(answer, FinishReason.STOP, new TokenUsage(1, 1, 0)));
  }

  @AfterAll
  static void stop() {
    application.stop();
    ExecutorEngine.replaceFactory(EngineFactory::gemma);
  }

  @BeforeEach
  void newSession() {
    spark = application.newSession();
  }

  private static String first(SparkSession session, String query) {
    return session.sql(query).first().getString(0);
  }

  private void set(String key, String value) {
    spark.sql("SET spark.gemma." + key + "=" + value);
  }

  @ParameterizedTest
  @ValueSource(strings = {"TEMPORARY VIEW", "VIEW"})
  void aViewAsksTheModelOfItsSessionAndOfTheOneThatReadsIt(String kind) {
    set("model", "/models/a");
    String name = "v" + kind.length();
    spark.sql("CREATE " + kind + " " + name + " AS SELECT gemma_generate(body) r FROM docs");
    assertThat(first(spark, "SELECT r FROM " + name)).isEqualTo("by /models/a");
    set("model", "/models/b");
    assertThat(first(spark, "SELECT r FROM " + name)).isEqualTo("by /models/b");
  }

  @Test
  void anotherSessionReadsAViewAsItWasMade() {
    set("model", "/models/a");
    spark.sql("CREATE OR REPLACE GLOBAL TEMPORARY VIEW shared AS SELECT gemma_generate(body) r FROM docs");
    assertThat(first(application.newSession(), "SELECT r FROM global_temp.shared")).isEqualTo("by /models/a");
  }

  @ParameterizedTest
  @ValueSource(strings = {"TEMPORARY FUNCTION", "FUNCTION"})
  void aFunctionOfSqlAsksTheModelOfTheSession(String kind) {
    set("model", "/models/a");
    String name = "f" + kind.length();
    spark.sql("CREATE " + kind + " " + name + "(t STRING) RETURNS STRING RETURN gemma_generate(t)");
    assertThat(first(spark, "SELECT " + name + "(body) FROM docs")).isEqualTo("by /models/a");
  }

  @Test
  void tokensAreCountedByTheModelOfTheSessionInViewsAndFunctions() {
    set("model", "/nowhere/none.gguf");
    spark.sql("CREATE TEMPORARY VIEW counts AS SELECT gemma_count_tokens(body) n FROM docs");
    spark.sql("CREATE TEMPORARY FUNCTION toks(t STRING) RETURNS INT RETURN gemma_count_tokens(t)");
    assertThatThrownBy(() -> spark.sql("SELECT * FROM counts").collect()).hasStackTraceContaining("no readable model /nowhere/none.gguf");
    assertThatThrownBy(() -> spark.sql("SELECT toks(body) FROM docs").collect()).hasStackTraceContaining("no readable model /nowhere/none.gguf");
  }

  @Test
  void aViewKeepsTheTypeThatItsResultsHad() {
    set("failOnError", "false");
    spark.sql("CREATE TEMPORARY VIEW going AS SELECT gemma_generate(body) r FROM docs");
    spark.sql("CREATE VIEW going_for_good AS SELECT gemma_generate(body) r FROM docs");
    set("failOnError", "true");
    for (String view : List.of("going", "going_for_good")) {
      assertThat(first(spark, "SELECT r.result FROM " + view)).isEqualTo("by demo");
    }
  }

  @Test
  void promptTemplatesAreThoseOfTheSessionInViewsToo() throws Exception {
    Path prompts = Files.createDirectories(folder.resolve("prompts"));
    Files.writeString(prompts.resolve("summarize-sentence.txt"), "Say it in one word.");
    CountingGenerator counting = new CountingGenerator();
    ExecutorEngine.replaceFactory(settings -> counting);
    try {
      set("promptDir", prompts.toString());
      spark.sql("CREATE TEMPORARY VIEW said AS SELECT gemma_summarize(body) r FROM docs");
      spark.sql("SELECT * FROM said").collect();
      assertThat(CountingGenerator.text(counting.requests.getFirst())).isEqualTo("Say it in one word.\n\ntext");
    } finally {
      ExecutorEngine.replaceFactory(SessionSettingsTest::open);
    }
  }

  @Test
  void whatOneSessionHasCachedIsNoAnswerOfAnothersModel() {
    set("model", "/models/a");
    Dataset<Row> cached = spark.sql("SELECT gemma_generate(concat(body, '1')) r FROM docs").persist();
    try {
      assertThat(cached.first().getString(0)).isEqualTo("by /models/a");
      SparkSession other = application.newSession();
      other.conf().set("spark.gemma.model", "/models/b");
      assertThat(first(other, "SELECT gemma_generate(concat(body, '1')) r FROM docs")).isEqualTo("by /models/b");
      SparkSession same = application.newSession();
      same.conf().set("spark.gemma.model", "/models/a");
      same.conf().set("spark.gemma.threads", "7");
      Dataset<Row> again = same.sql("SELECT gemma_generate(concat(body, '1')) r FROM docs");
      assertThat(again.queryExecution().executedPlan().toString()).contains("InMemoryTableScan");
    } finally {
      cached.unpersist();
    }
  }

  @Test
  void tokensThatOneSessionHasCachedAreNotThoseOfAnothersModel() {
    Dataset<Row> cached = spark.sql("SELECT gemma_count_tokens(concat(body, '2')) n FROM docs").persist();
    try {
      assertThat(cached.first().getInt(0)).isPositive();
      SparkSession other = application.newSession();
      other.conf().set("spark.gemma.model", "/nowhere/none.gguf");
      assertThatThrownBy(() -> other.sql("SELECT gemma_count_tokens(concat(body, '2')) n FROM docs").collect())
          .hasStackTraceContaining("no readable model /nowhere/none.gguf");
    } finally {
      cached.unpersist();
    }
  }

  @Test
  void aQueryAsksTheModelThatWasSetWhenItWasAnalyzed() {
    set("model", "/models/a");
    Dataset<Row> frame = spark.sql("SELECT gemma_generate(body) r FROM docs");
    set("model", "/models/b");
    assertThat(frame.first().getString(0)).isEqualTo("by /models/a");
  }

  @Test
  void twoModelsMayAnswerInOneQuery() {
    set("model", "/models/a");
    Dataset<Row> byA = spark.sql("SELECT body, gemma_generate(body) r FROM docs");
    set("model", "/models/b");
    Row row = byA.selectExpr("r", "gemma_generate(body) AS s").first();
    assertThat(row.getString(0) + ", " + row.getString(1)).isEqualTo("by /models/a, by /models/b");
  }

  @Test
  void explainNamesTheModel() {
    set("model", "/models/a");
    String plan = first(spark, "EXPLAIN SELECT gemma_generate(body) r FROM docs");
    assertThat(plan).contains("EvalGemma", "model /models/a").doesNotContain("GemmaConf");
  }

  @Test
  void sparkShowsEverySettingWithItsDefaultAndMeaning() {
    Map<String, Row> shown = new java.util.HashMap<>();
    spark.sql("SET -v").collectAsList().forEach(row -> shown.put(row.getString(0), row));
    for (ConfigKey<?> key : GemmaConf.KEYS) {
      assertThat(shown).containsKey(key.name());
      assertThat(shown.get(key.name()).getString(2)).isEqualTo(key.meaning());
    }
    assertThat(shown.get("spark.gemma.maxSequences").getString(1)).isEqualTo("32");
    assertThat(spark.conf().get("spark.gemma.model")).isEqualTo("demo");
  }

  @ParameterizedTest
  @ValueSource(strings = {"threads=zero", "maxSequences=0", "kvCacheMemory=5", "kvCacheType=f8", "failOnError=yes", "repartition=some", "model.sha256=abc"})
  void aWrongValueIsRefusedWhereItIsSet(String setting) {
    assertThatThrownBy(() -> spark.sql("SET spark.gemma." + setting))
        .hasMessageContaining("spark.gemma." + setting.substring(0, setting.indexOf('=')))
        .hasMessageContaining("It must be ");
  }

  @Test
  void settingsAreRegisteredOnceHoweverOftenASessionIsMade() {
    GemmaConf.register();
    GemmaConf.register();
    new GemmaSparkExtensions().apply(new org.apache.spark.sql.SparkSessionExtensions());
    assertThat(first(spark, "SELECT gemma_generate(body) FROM docs")).isEqualTo("by demo");
  }
}
