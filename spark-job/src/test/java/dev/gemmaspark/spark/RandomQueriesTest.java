package dev.gemmaspark.spark;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.spark.executor.EngineFactory;
import dev.gemmaspark.spark.executor.ExecutorEngine;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.util.ArrowUtils;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Random queries give the same rows whether the model is asked or an ordinary function that computes what the fake engine answers.
 * {@code -Dgemma.test.queries=5000} for more of them, {@code -Dgemma.test.seed=now} for others: the seed is printed.
 */
class RandomQueriesTest {
  private static final int QUERIES = Integer.getInteger("gemma.test.queries", 150);
  private static SparkSession spark;

  @BeforeAll
  static void start() {
    CountingGenerator engine = new CountingGenerator();
    ExecutorEngine.replaceFactory(settings -> engine);
    spark =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .getOrCreate();
    spark.sparkContext().setLogLevel("WARN");
    spark.udf().register("plain", (UDF1<String, String>) text -> text == null ? null : "[" + text + "]", DataTypes.StringType);
    spark
        .sql(
            "SELECT CAST(id AS INT) AS id, IF(id % 5 = 4, NULL, concat('a', id % 4)) AS a, IF(id % 7 = 3, NULL, concat('b', id)) AS b,"
                + " IF(id % 6 = 5, NULL, CAST(id % 3 AS INT)) AS n,"
                + " CASE WHEN id % 4 = 0 THEN NULL WHEN id % 4 = 1 THEN array() ELSE array(concat('a', id % 3), NULL, concat('c', id)) END AS arr,"
                + " IF(id % 3 = 0, NULL, map('p', concat('a', id), 'q', NULL)) AS m,"
                + " IF(id % 5 = 2, NULL, named_struct('x', concat('s', id % 2), 'y', CAST(id AS INT))) AS s FROM range(0, 12, 1, 2)")
        .persist()
        .createOrReplaceTempView("t");
    spark
        .sql("SELECT CAST(id % 8 AS INT) AS id, IF(id % 4 = 1, NULL, concat('a', id % 5)) AS a, concat('k', id) AS k FROM range(2, 12, 1, 1)")
        .persist()
        .createOrReplaceTempView("u");
  }

  @AfterAll
  static void stop() {
    spark.stop();
    ExecutorEngine.replaceFactory(EngineFactory::gemma);
  }

  @Test
  void queriesGiveTheRowsThatAnOrdinaryFunctionGives() {
    String seed = System.getProperty("gemma.test.seed", "14");
    long first = seed.equals("now") ? System.nanoTime() : Long.parseLong(seed);
    System.out.println("Random queries: -Dgemma.test.seed=" + first);
    SplittableRandom seeds = new SplittableRandom(first);
    List<String> wrong = new ArrayList<>();
    int compared = 0;
    for (int i = 0; i < QUERIES; i++) {
      RandomQuery query = new RandomQuery(seeds.nextLong());
      spark.conf().set("spark.sql.adaptive.enabled", String.valueOf(i % 4 == 0));
      spark.conf().set("spark.sql.codegen.wholeStage", String.valueOf(i % 10 == 9));
      spark.conf().set("spark.sql.codegen.factoryMode", i % 10 == 9 ? "CODEGEN_ONLY" : "NO_CODEGEN");
      List<String> expected;
      try {
        expected = rows(query, "plain");
      } catch (Exception notAQuery) {
        continue;
      }
      compared++;
      try {
        List<String> rows = rows(query, "gemma_generate");
        if (!rows.equals(expected)) {
          wrong.add(query.text("gemma_generate") + "\n  gives  " + rows + "\n  not    " + expected);
        }
      } catch (Exception e) {
        wrong.add(query.text("gemma_generate") + "\n  fails: " + e);
      }
    }
    assertThat(wrong).as("with -Dgemma.test.seed=" + first).isEmpty();
    assertThat(compared).as("queries that Spark understands").isGreaterThan(QUERIES * 9 / 10);
    assertThat(ArrowUtils.rootAllocator().getAllocatedMemory()).isZero();
  }

  private static List<String> rows(RandomQuery query, String function) {
    List<String> rows = new ArrayList<>();
    for (Row row : spark.sql(query.text(function)).collectAsList()) {
      rows.add(row.toString());
    }
    if (!query.isOrdered()) {
      rows.sort(Comparator.naturalOrder());
    }
    return rows;
  }
}
