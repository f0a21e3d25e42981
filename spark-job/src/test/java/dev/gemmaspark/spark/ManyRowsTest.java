package dev.gemmaspark.spark;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.FinishReason;
import dev.gemmaspark.engine.generation.TokenUsage;
import dev.gemmaspark.spark.executor.EngineFactory;
import dev.gemmaspark.spark.executor.ExecutorEngine;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.concurrent.CompletableFuture;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.util.ArrowUtils;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the way through Spark costs when the engine costs nothing. */
class ManyRowsTest {
  private static final Logger LOG = LoggerFactory.getLogger(ManyRowsTest.class);
  private static final int ROWS = 100_000;
  private static final long MOST_GROWTH = 60L << 20;

  @Test
  void aHundredThousandShortRowsLeaveTheHeapAsItWas() throws IOException {
    ExecutorEngine.replaceFactory(
        settings ->
            request ->
                CompletableFuture.completedFuture(new Completion("done", FinishReason.STOP, new TokenUsage(10, 1, 0))));
    try (SparkSession spark =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .getOrCreate()) {
      run(spark, 2_000);
      long before = heap();
      long start = System.nanoTime();
      assertThat(run(spark, ROWS)).isEqualTo(ROWS);
      double seconds = (System.nanoTime() - start) / 1e9;
      LOG.info("{} rows in {} s: {} rows/s", ROWS, Math.round(seconds * 10) / 10.0, Math.round(ROWS / seconds));
      assertThat(heap() - before).isLessThan(MOST_GROWTH);
      assertThat(ArrowUtils.rootAllocator().getAllocatedMemory()).isZero();
    } finally {
      ExecutorEngine.replaceFactory(EngineFactory::gemma);
    }
  }

  private static long run(SparkSession spark, int rows) {
    return spark.range(rows).selectExpr("gemma_generate(concat('row ', id)) AS g").where("g = 'done'").count();
  }

  /** After a full collection. */
  private static long heap() {
    System.gc();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }
}
