package dev.gemmaspark.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.spark.executor.EngineFactory;
import dev.gemmaspark.spark.executor.ExecutorEngine;
import dev.gemmaspark.spark.sql.GemmaRules;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.IsNotNull;
import org.apache.spark.sql.catalyst.plans.logical.DeleteFromTable;
import org.apache.spark.sql.catalyst.plans.logical.LeafCommand;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.util.ArrowUtils;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import scala.Enumeration;
import scala.Function1;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;

/** Calls where queries make them hard to batch: in lambda functions, beside random values, in subqueries, twice. */
class QueryShapesTest {
  @TempDir static Path folder;
  private static SparkSession spark;
  private CountingGenerator engine;

  @BeforeAll
  static void start() {
    spark =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .getOrCreate();
    spark
        .sql(
            "SELECT id, concat('d', id) AS body, IF(id % 2 = 0, 'en', 'de') AS lang, IF(id < 2, concat('[d', id, ']'), 'x') AS truth"
                + " FROM range(0, 9, 1, 4)")
        .persist()
        .createOrReplaceTempView("docs");
    spark.sql("SELECT id % 3 AS k, concat('d', id % 3) AS body, id AS n FROM range(0, 180, 1, 2)").persist().createOrReplaceTempView("many");
    spark
        .sql("SELECT * FROM VALUES (1, array('a', NULL, 'b')), (2, array()), (3, NULL), (4, array('a')) AS t(id, arr)")
        .createOrReplaceTempView("lists");
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
  @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
    "transform(arr, x -> gemma_generate(x)) | [[a], null, [b]] / [] / null / [[a]]",
    "transform(arr, (x, i) -> concat(i, gemma_generate(x))) | [0[a], null, 2[b]] / [] / null / [0[a]]",
    "transform(arr, x -> gemma_generate(concat(x, id))) | [[a1], null, [b1]] / [] / null / [[a4]]",
    "transform(arr, x -> coalesce(upper(gemma_generate(x)), 'none')) | [[A], none, [B]] / [] / null / [[A]]",
    "transform(arr, x -> gemma_generate(gemma_generate(x))) | [[[a]], null, [[b]]] / [] / null / [[[a]]]",
    "transform(arr, x -> if(x = 'a', gemma_generate(x), x)) | [[a], null, b] / [] / null / [[a]]",
    "transform(arr, x -> if(gemma_generate(x) = '[a]', gemma_generate('yes'), x)) | [[yes], null, b] / [] / null / [[yes]]",
    "transform(array(arr, arr), y -> transform(y, (x, i) -> gemma_generate(concat(x, size(y), i))))"
        + " | [[[a30], null, [b32]], [[a30], null, [b32]]] / [[], []] / [null, null] / [[[a10]], [[a10]]]",
    "transform(array(0, 1), j -> transform(arr, x -> gemma_generate(concat(x, j))))"
        + " | [[[a0], null, [b0]], [[a1], null, [b1]]] / [[], []] / [null, null] / [[[a0]], [[a1]]]",
    "transform(transform(arr, x -> gemma_generate(x)), x -> gemma_generate(x)) | [[[a]], null, [[b]]] / [] / null / [[[a]]]",
    "transform(arr, x -> gemma_generate(x, failOnError => false).result) | [[a], null, [b]] / [] / null / [[a]]",
    "filter(arr, x -> gemma_generate(x) = '[a]') | [a] / [] / null / [a]",
    "filter(arr, (x, i) -> gemma_generate(x) = '[a]' OR i = 1) | [a, null] / [] / null / [a]",
    "exists(arr, x -> gemma_generate(x) = '[b]') | true / false / null / false",
    "exists(arr, x -> gemma_generate(x) = '[c]') | null / false / null / false",
    "forall(arr, x -> gemma_generate(x) = '[a]') | false / true / null / true",
    "zip_with(arr, array('q'), (x, y) -> concat(gemma_generate(x), coalesce(y, ''))) | [[a]q, null, [b]] / [null] / null / [[a]q]",
    "map_values(transform_values(map('k', get(arr, 0)), (k, v) -> gemma_generate(v))) | [[a]] / [null] / [null] / [[a]]",
    "map_keys(transform_keys(map('k', id), (k, v) -> gemma_generate(concat(k, v)))) | [[k1]] / [[k2]] / [[k3]] / [[k4]]",
    "map_keys(map_filter(map('k', id, 'l', 9), (k, v) -> gemma_generate(v) = '[1]')) | [k] / [] / [] / []",
    "map_values(map_zip_with(map('k', get(arr, 0)), map('k', id, 'l', 9), (k, v, w) -> gemma_generate(concat(k, v, w))))"
        + " | [[ka1], null] / [null, null] / [null, null] / [[ka4], null]",
    "map_keys(map_zip_with(map('k', id), map('l', 9), (k, v, w) -> if(gemma_generate(k) = '[k]', v, w))) | [k, l] / [k, l] / [k, l] / [k, l]",
    "map_zip_with(IF(id < 9, NULL, map('k', id)), map('l', 9), (k, v, w) -> gemma_generate(k)) | null / null / null / null",
    "aggregate(transform(arr, x -> gemma_generate(x)), '', (s, x) -> concat(s, coalesce(x, ''))) | [a][b] /  / null / [a]",
  })
  void lambdaFunctionsCallTheModelForEachElement(String expression, String values) {
    List<Row> rows = spark.sql("SELECT " + expression + " FROM lists ORDER BY id").collectAsList();
    assertThat(rows.stream().map(row -> text(row.get(0))).toList()).as(expression).isEqualTo(List.of(values.split(" / ", -1)));
  }

  private static String text(Object value) {
    return value instanceof scala.collection.Seq<?> seq
        ? CollectionConverters.asJava(seq).stream().map(QueryShapesTest::text).toList().toString()
        : String.valueOf(value);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
    "SELECT id FROM docs a WHERE EXISTS (SELECT 1 FROM docs b WHERE gemma_generate(b.body) = a.truth) OR gemma_generate(a.body) = '[d7]' | [0][1][7]",
    "SELECT id FROM (SELECT id, EXISTS (SELECT 1 FROM docs b WHERE gemma_generate(b.body) = a.truth) e, gemma_generate(a.body) g FROM docs a)"
        + " WHERE e AND g LIKE '[d%' | [0][1]",
    "SELECT IF(a.id IN (SELECT id FROM docs b WHERE gemma_generate(b.body) >= a.truth), gemma_generate(a.body), 'no') FROM docs a WHERE id < 3 | [[d0]][[d1]][no]",
  })
  void callsInCorrelatedSubqueriesGoTogetherWithOthers(String query, String rows) {
    assertThat(spark.sql(query).collectAsList().stream().map(Row::toString).sorted().collect(Collectors.joining())).isEqualTo(rows);
  }

  @Test
  void randomArraysMayMeetRandomValuesInALambda() {
    List<Row> rows = spark.sql("SELECT transform(array(uuid()), x -> gemma_generate(concat(x, ' ', uuid()))) FROM range(3)").collectAsList();
    assertThat(rows.stream().map(row -> text(row.get(0))).distinct()).hasSize(3).allMatch(text -> text.matches("\\[\\[[0-9a-f-]{36} [0-9a-f-]{36}]]"));
    assertThat(engine.calls()).isEqualTo(3);
  }

  @Test
  void aCallOfConstantsIsMadeForItsBranchAlone() {
    assertThat(spark.sql("SELECT IF(id < 3, gemma_generate('BAD'), 'no') FROM range(10, 12)").collectAsList()).extracting(row -> row.getString(0)).containsExactly("no", "no");
    assertThat(engine.calls()).isZero();
    spark.sql("SELECT IF(id < 3, gemma_generate(maxTokens => 7, prompt => 'joke', seed => id), NULL) FROM range(0, 9)").collect();
    assertThat(engine.calls()).isEqualTo(3);
  }

  @Test
  void elementsAreAskedOnceAndOnlyWhereTheyAreWanted() {
    spark.sql("SELECT if(id = 1, transform(arr, x -> gemma_generate(x)), NULL) FROM lists").collect();
    assertThat(engine.calls()).isEqualTo(2);
  }

  @Test
  void aBadElementFailsTheQueryOrIsAValue() {
    assertThatThrownBy(() -> spark.sql("SELECT transform(array('a', 'BAD'), x -> gemma_generate(x))").collect())
        .hasStackTraceContaining("PROMPT_TOO_LONG");
    assertThat(
            spark
                .sql("SELECT to_json(transform(array('a', 'BAD'), x -> gemma_generate(x, failOnError => false).errorMessage))")
                .first()
                .getString(0))
        .isEqualTo("[null,\"PROMPT_TOO_LONG: too long, says the test\"]");
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "aggregate(arr, '', (s, x) -> gemma_generate(concat(s, x)))",
    "array_sort(arr, (x, y) -> length(gemma_generate(concat(x, y))))",
    "aggregate(arr, '', (s, x) -> concat(s, x), s -> gemma_generate(s))",
  })
  void whereALambdaFunctionDoesNotTakeEachElementByItselfTheQueryIsRefused(String expression) {
    assertThatThrownBy(() -> spark.sql("SELECT " + expression + " FROM lists").collect())
        .isInstanceOfSatisfying(AnalysisException.class, QueryShapesTest::hasTheConditionOfAWrongCall)
        .hasMessageMatching(
            "gemma_generate cannot be called in the lambda function of (aggregate|array_sort), which does not take each element by itself;"
                + " call it for the elements before, in a transform\\(...\\), or of the result");
    assertThat(engine.calls()).isZero();
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
    "SELECT gemma_generate(body, seed => CAST(rand() * 100 AS BIGINT)) = concat('[', body, ']') FROM docs",
    "SELECT r = concat('[', u, ']') FROM (SELECT uuid() AS u, body FROM docs) LATERAL VIEW explode(array(gemma_generate(u))) AS r",
    "SELECT length(gemma_generate(uuid())) = 38 FROM docs",
    "SELECT gemma_generate(concat('x', monotonically_increasing_id())) LIKE '[x%' FROM docs",
    "SELECT IF(c, NOT isnull(g), isnull(g)) FROM (SELECT x < 0.5 AS c, IF(x < 0.5, gemma_generate(body), NULL) AS g FROM (SELECT rand() AS x, body FROM docs))",
    "SELECT IF(rand() < 0.5, gemma_generate(body), 'no') IS NOT NULL FROM docs",
    "SELECT CASE WHEN rand() < 0.5 THEN gemma_generate(body) WHEN rand() < 0.5 THEN gemma_generate(lang) ELSE 'no' END IS NOT NULL FROM docs",
    "SELECT gemma_generate(drawn(body)) LIKE '[d%' FROM docs",
    "SELECT IF(drawn(body) > 'd4', gemma_generate(body), 'no') IS NOT NULL FROM docs",
    "SELECT forall(transform(array(body, lang), x -> IF(rand() < 0.5, gemma_generate(x), 'no')), x -> x IS NOT NULL) FROM docs",
    "SELECT forall(transform(array(body, lang), x -> gemma_generate(concat(x, rand()))), x -> x IS NOT NULL) FROM docs",
    "SELECT exists(array(body, lang), x -> IF(rand() < 0.5, gemma_generate(x), 'no') IS NULL) = false FROM docs",
  })
  void aRandomValueIsDrawnOnceForCallConditionAndBranch(String query) {
    spark
        .udf()
        .register(
            "drawn",
            functions.udf((UDF1<String, String>) text -> "d" + ThreadLocalRandom.current().nextInt(10), DataTypes.StringType).asNondeterministic());
    List<Row> rows = spark.sql(query).collectAsList();
    assertThat(rows).isNotEmpty().allMatch(row -> row.getBoolean(0), query);
  }

  @Test
  void randomGuardsSampleWhatIsAsked() {
    spark.sql("SELECT IF(rand(7) < 0.1, gemma_generate(concat('x', id)), NULL) FROM range(0, 1000, 1, 2)").collect();
    assertThat(engine.calls()).isBetween(50, 150);
  }

  @Test
  void rowNumbersOfPartitionsAreThoseOfTheirRows() {
    List<Row> rows = spark.sql("SELECT monotonically_increasing_id() AS m, gemma_generate(monotonically_increasing_id()) AS g FROM range(0, 6, 1, 3)").collectAsList();
    assertThat(rows).extracting(row -> "[" + row.getLong(0) + "]").isEqualTo(rows.stream().map(row -> row.getString(1)).toList());
    assertThat(rows).extracting(row -> row.getLong(0)).contains(1L << 33, 2L << 33);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
    "SELECT id FROM docs a WHERE EXISTS (SELECT 1 FROM docs b WHERE gemma_generate(b.body) = a.truth) | 2 | 9",
    "SELECT id FROM docs a WHERE NOT EXISTS (SELECT 1 FROM docs b WHERE gemma_generate(b.body) = a.truth) | 7 | 9",
    "SELECT id, EXISTS (SELECT 1 FROM docs b WHERE gemma_generate(b.body) = a.truth) FROM docs a | 9 | 9",
    "SELECT id FROM docs a WHERE truth IN (SELECT gemma_generate(b.body) FROM docs b WHERE b.id = a.id) | 2 | 9",
    "SELECT id FROM docs a WHERE gemma_generate(a.body) IN (SELECT truth FROM docs b WHERE b.id = a.id) | 2 | 9",
    "SELECT id FROM docs a WHERE gemma_generate(a.body) = (SELECT max(truth) FROM docs b WHERE b.id = a.id) | 2 | 9",
    "SELECT id, (SELECT max(b.id) FROM docs b WHERE gemma_generate(b.body) = a.truth) FROM docs a | 9 | 9",
    "SELECT id FROM docs a WHERE EXISTS (SELECT 1 FROM docs b WHERE gemma_generate(a.body) = b.truth) | 2 | 9",
  })
  void subqueriesMayCallTheModelOnEitherSide(String query, int rows, int calls) {
    assertThat(spark.sql(query).collectAsList()).hasSize(rows);
    assertThat(engine.calls()).as(query).isEqualTo(calls);
  }

  @Test
  void aCallOverBothSidesOfASemiJoinIsRefused() {
    assertThatThrownBy(
            () ->
                spark
                    .sql("SELECT id FROM docs a WHERE EXISTS (SELECT 1 FROM docs b WHERE gemma_generate(concat(a.body, b.body)) = 'yes')")
                    .collect())
        .isInstanceOfSatisfying(AnalysisException.class, QueryShapesTest::hasTheConditionOfAWrongCall)
        .hasMessageStartingWith("gemma_generate in a join's condition reads columns of both sides");
  }

  private static void hasTheConditionOfAWrongCall(AnalysisException error) {
    assertThat(error.getCondition()).isEqualTo("GEMMA_INVALID_CALL");
    assertThat(error.getSqlState()).isEqualTo("22023");
  }

  @Test
  void aRandomValueInALambdaFunctionWithinAnotherIsRefused() {
    assertThatThrownBy(
            () -> spark.sql("SELECT transform(arr, x -> transform(arr, y -> gemma_generate(concat(y, rand())))) FROM lists").collect())
        .isInstanceOfSatisfying(AnalysisException.class, QueryShapesTest::hasTheConditionOfAWrongCall)
        .hasMessageStartingWith("a gemma function cannot be called beside a random value");
  }

  @Test
  void aCallInTheDefaultOfAVariableIsRefusedInTheWordsOfSql() {
    assertThatThrownBy(() -> spark.sql("DECLARE VARIABLE said STRING DEFAULT gemma_generate('x')"))
        .isInstanceOfSatisfying(AnalysisException.class, QueryShapesTest::hasTheConditionOfAWrongCall)
        .hasMessage("a gemma function cannot be called in DECLARE VARIABLE; declare it without, and then SET VARIABLE name = (SELECT …)");
    spark.sql("DECLARE VARIABLE said STRING");
    spark.sql("SET VARIABLE said = (SELECT gemma_generate('x'))");
    assertThat(spark.sql("SELECT said").first().getString(0)).isNotEmpty();
    spark.sql("DROP TEMPORARY VARIABLE said");
  }

  @Test
  void aCallInADeleteIsRefused() {
    Project select = (Project) spark.sql("SELECT gemma_generate(body) FROM docs").queryExecution().analyzed();
    LogicalPlan delete = new DeleteFromTable(select.child(), new IsNotNull(call(select)));
    assertThatThrownBy(() -> GemmaRules.extraction().apply(delete))
        .isInstanceOfSatisfying(AnalysisException.class, QueryShapesTest::hasTheConditionOfAWrongCall)
        .hasMessage("a gemma function cannot be called in DELETE FROM; call it in a SELECT of its own first, and use its result there");
  }

  @Test
  void aCommandThatWillPlanItsQueryItselfIsLeftAlone() {
    LogicalPlan command = new CommandWithCall(call((Project) spark.sql("SELECT gemma_generate(body) FROM docs").queryExecution().analyzed()));
    assertThat(GemmaRules.extraction().apply(command)).isSameAs(command);
  }

  private static Expression call(Project select) {
    return ((Expression) select.projectList().head()).children().head();
  }

  /** As commands of other table formats are, which carry conditions and new values. */
  private static final class CommandWithCall extends LogicalPlan implements LeafCommand {
    private static final long serialVersionUID = 1L;
    private final transient Expression call;

    CommandWithCall(Expression call) {
      this.call = call;
    }

    @Override
    public Seq<LogicalPlan> children() {
      return CollectionConverters.<LogicalPlan>asScala(List.of()).toSeq();
    }

    @Override
    public void org$apache$spark$sql$catalyst$plans$logical$Command$_setter_$nodePatterns_$eq(Seq<Enumeration.Value> patterns) {}

    @Override
    public Seq<Attribute> output() {
      return CollectionConverters.<Attribute>asScala(List.of()).toSeq();
    }

    @Override
    public LogicalPlan withNewChildrenInternal(IndexedSeq<LogicalPlan> newChildren) {
      return this;
    }

    @Override
    public LogicalPlan mapChildren(Function1<LogicalPlan, LogicalPlan> change) {
      return this;
    }

    @Override
    public boolean canEqual(Object other) {
      return other instanceof CommandWithCall;
    }

    @Override
    public int productArity() {
      return 1;
    }

    @Override
    public Object productElement(int index) {
      return call;
    }
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
    "SELECT gemma_generate(body) FROM docs WHERE gemma_generate(body) <> '' | 9 | 9",
    "SELECT gemma_generate(body) FROM docs ORDER BY gemma_generate(body) | 9 | 9",
    "SELECT gemma_generate(body) AS g, id FROM docs ORDER BY g, id | 9 | 9",
    "SELECT * FROM (SELECT *, gemma_generate(body) AS pred FROM docs) WHERE pred = truth | 9 | 2",
    "SELECT a.id FROM (SELECT * FROM docs WHERE id < 3) a JOIN many b ON a.body = b.body WHERE gemma_generate(a.body) <> '' | 6 | 180",
    "SELECT d.id FROM docs d JOIN (SELECT * FROM docs WHERE id < 2) s ON d.id = s.id WHERE gemma_generate(d.body) <> '' | 2 | 2",
    "SELECT d.id FROM docs d JOIN (SELECT * FROM docs WHERE id < 2) s ON d.id = s.id AND gemma_generate(d.body) <> '' | 2 | 2",
    "SELECT d.id, s.id FROM docs d JOIN docs s ON d.id < 2 AND s.id < 3 AND gemma_generate(concat(d.body, s.body)) <> '' | 6 | 6",
    "SELECT /*+ REPARTITION_BY_RANGE(2, id) */ gemma_generate(body), id FROM docs | 9 | 9",
    "SELECT CASE WHEN gemma_generate(lang) = 'xx' THEN gemma_summarize(body) END FROM docs WHERE id < 2 | 2 | 2",
    "SELECT CASE WHEN gemma_generate(lang) = '[en]' THEN gemma_summarize(body) ELSE 'no' END FROM docs WHERE id < 2 | 3 | 2",
    "SELECT coalesce(gemma_generate(body), gemma_generate(lang)) FROM docs | 9 | 9",
    "SELECT id FROM docs WHERE gemma_generate(body) = '[d1]' OR gemma_generate(concat(lang, id)) = '[en0]' | 17 | 2",
    "SELECT id FROM docs WHERE gemma_generate(body) = '[d1]' AND gemma_generate(concat(lang, id)) = '[en0]' | 10 | 0",
    "SELECT id FROM docs WHERE gemma_generate(body) = '[d0]' OR 1 div id = 1 | 8 | 2",
    "SELECT gemma_generate(body) <> '[d0]' AND 1 div id = 1 FROM docs | 2 | 9",
    "SELECT gemma_generate(body), IF(id > 3, gemma_generate(body), '') FROM docs | 9 | 9",
    "SELECT IF(id > 3, gemma_generate(body), ''), gemma_generate(body) FROM docs | 9 | 9",
    "SELECT gemma_generate(body) FROM docs WHERE gemma_generate(body) <> '' ORDER BY gemma_generate(body) LIMIT 3 | 9 | 3",
    "SELECT count(*) FROM (SELECT gemma_generate(body) AS g FROM docs LIMIT 3) WHERE g <> '' | 3 | 1",
    "SELECT gemma_generate(body) FROM many | 6 | 180",
  })
  void theSameTextIsPaidForOnce(String query, int calls, int rows) {
    assertThat(spark.sql(query).collectAsList()).hasSize(rows);
    assertThat(engine.calls()).as(query).isEqualTo(calls);
  }

  /** Texts that are equal without regard to case are not the same text to a model. */
  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
    "concat('x', id) COLLATE UTF8_LCASE | concat('X', id) COLLATE UTF8_LCASE | 'x0' | 0",
    "concat('x', id) | concat('x', id % 2) | 'x0' | 1",
  })
  void conditionsOnEqualColumnsAreTestedForEach(String left, String right, String text, int rows) {
    String from =
        "(SELECT * FROM (SELECT " + left + " AS a, " + right + " AS b FROM range(3)) WHERE a = b LIMIT 2)";
    assertThat(
            spark
                .sql("SELECT a, b FROM " + from + " WHERE gemma_generate(a) = concat('[', " + text + ", ']') AND gemma_generate(b) = concat('[', " + text + ", ']')")
                .collectAsList())
        .hasSize(rows);
  }

  @Test
  void writingALimitAsksForItsRowsOnly() {
    spark
        .sql("SELECT id, gemma_generate(concat('x', id)) AS g FROM range(0, 4000, 1, 40) LIMIT 10")
        .write()
        .parquet(folder.resolve("limited").toString());
    assertThat(engine.calls()).isEqualTo(10);
    assertThat(spark.read().parquet(folder.resolve("limited").toString()).count()).isEqualTo(10);
  }

  /** The rows behind a limit are one partition. */
  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
    "SELECT gemma_generate(concat('x', id)) AS g FROM large LIMIT 1000 | 1000 | 2",
    "SELECT gemma_generate(concat('x', id)) AS g FROM (SELECT * FROM large LIMIT 1000) WHERE id >= 0 | 1000 | 2",
    "SELECT gemma_generate(concat('x', id)) AS g FROM large LIMIT 65 | 65 | 2",
    "SELECT gemma_generate(concat('x', id)) AS g FROM large LIMIT 64 | 64 | 1",
    "SELECT id, gemma_generate(concat('x', id)) AS g FROM large ORDER BY id LIMIT 1000 | 1000 | 1",
    "SELECT gemma_generate(concat('x', id)) AS g FROM (SELECT id FROM large ORDER BY -id) LIMIT 1000 | 1000 | 1",
  })
  void theWorkOfALargeLimitIsSpreadOverTasksUnlessItHasAnOrder(String query, int rows, int tasks) {
    Path written = folder.resolve("limit" + query.hashCode());
    spark.sql("SELECT explode(sequence(n, n + 99)) AS id FROM (SELECT 100 * id AS n FROM range(0, 40, 1, 4))").createOrReplaceTempView("large");
    spark.sql(query).write().parquet(written.toString());
    assertThat(engine.calls()).isEqualTo(rows);
    Dataset<Row> read = spark.read().parquet(written.toString());
    assertThat(read.select("g").distinct().count()).isEqualTo(rows);
    assertThat(read.inputFiles()).as("one of each task").hasSize(tasks);
  }

  @Test
  void aSortByAResultWithoutAdaptiveExecutionAsksOnce() {
    spark.conf().set("spark.sql.adaptive.enabled", "false");
    try {
      assertThat(spark.sql("SELECT gemma_generate(body) AS g FROM docs ORDER BY g").collectAsList()).hasSize(9);
      assertThat(spark.sql("SELECT p.id FROM docs p CROSS JOIN docs q WHERE gemma_generate(p.lang) = q.lang").collectAsList()).isEmpty();
    } finally {
      spark.conf().unset("spark.sql.adaptive.enabled");
    }
    assertThat(engine.calls()).isBetween(11, 17);
  }

  @ParameterizedTest
  @ValueSource(strings = {"parquet", ""})
  void columnsThatNobodyNeedsAreNotRead(String v1) {
    String file = folder.resolve("wide" + v1).toString();
    spark
        .sql("SELECT id, body, lang, truth, named_struct('body', body, 'lang', lang, 'more', named_struct('body', body, 'n', id)) AS d FROM docs")
        .write()
        .parquet(file);
    spark.conf().set("spark.sql.sources.useV1SourceList", v1);
    try {
      assertThat(read("SELECT id, gemma_generate(body) FROM parquet.`" + file + "`")).isEqualTo("struct<id:bigint,body:string>");
      assertThat(read("SELECT id, gemma_generate(d.body) FROM parquet.`" + file + "`")).isEqualTo("struct<id:bigint,d:struct<body:string>>");
      assertThat(read("SELECT d.lang, gemma_generate(d.more.body) FROM parquet.`" + file + "`"))
          .isEqualTo("struct<d:struct<lang:string,more:struct<body:string>>>");
      assertThat(read("SELECT id FROM parquet.`" + file + "` WHERE gemma_generate(d.body) = '[d1]'"))
          .isEqualTo("struct<id:bigint,d:struct<body:string>>");
      assertThat(read("SELECT d.lang FROM parquet.`" + file + "` WHERE gemma_generate(d.body) = '[d1]' AND d.more.n < 3"))
          .isEqualTo("struct<d:struct<body:string,lang:string,more:struct<n:bigint>>>");
      assertThat(read("SELECT d.lang, count(*) FROM parquet.`" + file + "` WHERE gemma_generate(d.body) <> '' GROUP BY d.lang"))
          .isEqualTo("struct<d:struct<body:string,lang:string>>");
      assertThat(read("SELECT d FROM parquet.`" + file + "` WHERE gemma_generate(d.body) = '[d1]'")).startsWith("struct<d:struct<body:string,lang:string,");
    } finally {
      spark.conf().unset("spark.sql.sources.useV1SourceList");
    }
  }

  private static String read(String query) {
    Dataset<Row> frame = spark.sql(query);
    frame.collect();
    String plan = frame.queryExecution().executedPlan().toString();
    String schema = plan.substring(plan.indexOf("ReadSchema: ") + "ReadSchema: ".length());
    return schema.lines().findFirst().orElseThrow().replaceAll(",? ?(RuntimeFilters|PushedAggregation|PushedGroupBy|\\\\]).*", "").strip();
  }
}
