package dev.gemmaspark.spark.app;

import java.util.List;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.apache.spark.storage.StorageLevel;

/**
 * An input, cut into slices of rows: each is written when it is done, so that a job that is killed loses little. A slice has about a
 * twentieth of the rows; but where that would be fewer than eight, which leave the engine half empty, about sixteen. Which slice a row is in
 * follows from what is in the row, so it is the same however often Spark computes the rows, and in whatever order they come; they are kept
 * while the job runs only to save time.
 */
final class Slices {
  private static final long FEWEST_ROWS = 8;
  private static final long ROWS_OF_SMALL_INPUT = 16;
  private static final long SHARES = 20;

  private final Dataset<Row> input;
  private final Column place;
  private final long rows;
  private final int count;

  /** @param columns that tell rows apart; rows that are equal in them are in one slice */
  Slices(Dataset<Row> input, List<String> columns) {
    this.input = input.persist(StorageLevel.MEMORY_AND_DISK());
    Column[] hashed = columns.stream().filter(this::canBeHashed).map(BatchApplication::column).toArray(Column[]::new);
    rows = this.input.count();
    long size = rows / SHARES < FEWEST_ROWS ? ROWS_OF_SMALL_INPUT : rows / SHARES;
    count = hashed.length == 0 ? 1 : (int) Math.max(1, Math.ceilDiv(rows, size));
    place = functions.pmod(functions.xxhash64(hashed), functions.lit((long) count));
  }

  private boolean canBeHashed(String column) {
    String type = input.schema().apply(column).dataType().sql();
    return !type.contains("MAP<") && !type.contains("VARIANT");
  }

  long rows() {
    return rows;
  }

  int count() {
    return count;
  }

  Dataset<Row> slice(int index) {
    return count == 1 ? input : input.where(place.equalTo((long) index));
  }

  void release() {
    input.unpersist();
  }
}
