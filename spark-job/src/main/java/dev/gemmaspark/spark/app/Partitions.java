package dev.gemmaspark.spark.app;

import dev.gemmaspark.spark.conf.GemmaConf;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** Spreads rows over the cores: a small file is one partition, and one partition keeps all cores but one idle. */
final class Partitions {
  private static final int TASKS_PER_CORE = 2;

  /** Fewer rows in a task are not worth a task. */
  private static final int FEWEST_ROWS = 8;

  private Partitions() {}

  static Dataset<Row> spread(Dataset<Row> rows, long count, GemmaConf conf, SparkSession spark) {
    return switch (conf.repartition()) {
      case "off" -> rows;
      case "auto" -> rows.repartition((int) Math.clamp(Math.ceilDiv(count, FEWEST_ROWS), 1L, mostTasks(spark)));
      default -> rows.repartition(Integer.parseInt(conf.repartition()));
    };
  }

  /** The same where nobody knows how many rows will come. */
  static Dataset<Row> spreadStream(Dataset<Row> rows, GemmaConf conf, SparkSession spark) {
    return switch (conf.repartition()) {
      case "off" -> rows;
      case "auto" -> rows.repartition(spark.sparkContext().defaultParallelism());
      default -> rows.repartition(Integer.parseInt(conf.repartition()));
    };
  }

  private static long mostTasks(SparkSession spark) {
    return (long) TASKS_PER_CORE * spark.sparkContext().defaultParallelism();
  }
}
