package dev.gemmaspark.spark.app;

import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.apache.spark.storage.StorageLevel;

/**
 * An input, cut into slices of rows: each is written when it is done, so that a job that is killed loses little. A slice has about a
 * twentieth of the rows; but where that would be fewer than eight, which leave the engine half empty, about sixteen. Which slice a row is in
 * is the same however often Spark computes the rows; they are kept while the job runs only to save time.
 */
final class Slices {
  private static final String PLACE = "_gemma_place";
  private static final long FEWEST_ROWS = 8;
  private static final long ROWS_OF_SMALL_INPUT = 16;
  private static final long SHARES = 20;

  private final Dataset<Row> input;
  private final long rows;
  private final int count;
  private final Column number;

  private Slices(Dataset<Row> placed) {
    this.input = placed.persist(StorageLevel.MEMORY_AND_DISK());
    rows = input.count();
    long size = rows / SHARES < FEWEST_ROWS ? ROWS_OF_SMALL_INPUT : rows / SHARES;
    count = (int) Math.max(1, Math.ceilDiv(rows, size));
    number = functions.pmod(functions.xxhash64(functions.col(PLACE)), functions.lit((long) count));
  }

  /**
   * By what is in a column, in whatever order rows come.
   *
   * @param column that is different in each row; rows that are equal in it are in one slice
   */
  static Slices byColumn(Dataset<Row> input, String column) {
    return new Slices(input.withColumn(PLACE, functions.xxhash64(BatchApplication.column(column))));
  }

  /**
   * By where rows stand, so that equal rows are in many slices.
   *
   * @param input as it is read from files, which gives each task the same rows in the same order again; not one that was shuffled
   */
  static Slices byPlace(Dataset<Row> input) {
    return new Slices(input.withColumn(PLACE, functions.monotonically_increasing_id()));
  }

  long rows() {
    return rows;
  }

  int count() {
    return count;
  }

  Dataset<Row> slice(int index) {
    return input.where(number.equalTo((long) index)).drop(PLACE);
  }

  void release() {
    input.unpersist();
  }
}
