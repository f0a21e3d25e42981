package dev.gemmaspark.spark.app;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.apache.spark.storage.StorageLevel;

/**
 * An input, cut into slices of rows: each is written when it is done, so that a job that is killed loses little. A slice has a twentieth of
 * the rows; but where that would be fewer than eight, which leave the engine half empty, it has sixteen. Rows are numbered by partition and place, and kept by Spark while
 * the job runs, so that they are the same in every slice.
 */
final class Slices {
  private static final String NUMBER = "_gemma_row";
  private static final long FEWEST_ROWS = 8;
  private static final long ROWS_OF_SMALL_INPUT = 16;
  private static final long SHARES = 20;
  private static final int PARTITION_SHIFT = 33;

  private final Dataset<Row> numbered;
  private final List<Column> conditions = new ArrayList<>();
  private final long rows;

  Slices(Dataset<Row> input) {
    numbered = input.withColumn(NUMBER, functions.monotonically_increasing_id()).persist(StorageLevel.MEMORY_AND_DISK());
    TreeMap<Long, Long> counts = new TreeMap<>();
    Column partition = functions.shiftright(functions.col(NUMBER), PARTITION_SHIFT);
    for (Row row : numbered.groupBy(partition.as("partition")).count().collectAsList()) {
      counts.put(((Number) row.get(0)).longValue(), row.getLong(1));
    }
    rows = counts.values().stream().mapToLong(Long::longValue).sum();
    cut(counts, rows / SHARES < FEWEST_ROWS ? ROWS_OF_SMALL_INPUT : rows / SHARES);
  }

  private void cut(TreeMap<Long, Long> counts, long size) {
    Column condition = functions.lit(false);
    long room = size;
    for (var partition : counts.entrySet()) {
      long at = 0;
      while (at < partition.getValue()) {
        long taken = Math.min(room, partition.getValue() - at);
        long first = (partition.getKey() << PARTITION_SHIFT) + at;
        condition = condition.or(functions.col(NUMBER).between(first, first + taken - 1));
        at += taken;
        room -= taken;
        if (room == 0) {
          conditions.add(condition);
          condition = functions.lit(false);
          room = size;
        }
      }
    }
    if (room < size || conditions.isEmpty()) {
      // an input without rows is one slice, so that the output has columns
      conditions.add(condition);
    }
  }

  long rows() {
    return rows;
  }

  int count() {
    return conditions.size();
  }

  Dataset<Row> slice(int index) {
    return numbered.where(conditions.get(index)).drop(NUMBER);
  }

  void release() {
    numbered.unpersist();
  }
}
