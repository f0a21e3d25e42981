package dev.gemmaspark.spark.app;

import dev.gemmaspark.spark.conf.GemmaConf;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** Spreads an input over the cores: a small file is one partition, and one partition keeps all cores but one idle. */
final class Partitions {
  private static final int TASKS_PER_CORE = 2;

  /** Fewer rows in a task are not worth a task. */
  private static final int FEWEST_ROWS = 8;

  private Partitions() {}

  static Dataset<Row> spread(Dataset<Row> input, long rows, GemmaConf conf, SparkSession spark) {
    return switch (conf.repartition()) {
      case "off" -> input;
      case "auto" -> {
        long wanted =
            Math.min(Math.ceilDiv(rows, FEWEST_ROWS), (long) TASKS_PER_CORE * spark.sparkContext().defaultParallelism());
        yield wanted > input.rdd().getNumPartitions() ? input.repartition((int) wanted) : input;
      }
      default -> input.repartition(Integer.parseInt(conf.repartition()));
    };
  }
}
