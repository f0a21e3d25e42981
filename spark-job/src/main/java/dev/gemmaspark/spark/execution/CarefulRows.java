package dev.gemmaspark.spark.execution;

import dev.gemmaspark.spark.executor.SuspectRows;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;

/** The rows of a task that has failed more than once: one at a time, each named before it is begun. */
final class CarefulRows {
  private final SuspectRows.Partition partition;
  private final Optional<SuspectRows.Row> suspect;
  private final List<Attribute> columns;
  private final String idColumn;
  private long rows;

  CarefulRows(Seq<Attribute> input, TaskContext task) {
    this.partition = new SuspectRows.Partition(task.stageId(), task.partitionId());
    this.suspect = SuspectRows.of(partition);
    this.columns = CollectionConverters.asJava(input);
    this.idColumn = task.getLocalProperty(SuspectRows.ID_COLUMN);
  }

  /**
   * Begins a row.
   *
   * @return why it is not to be done, if that is so
   */
  Optional<String> begin(InternalRow row) {
    String name = String.format(Locale.ROOT, "row %d of partition %d%s", rows++, partition.number(), id(row));
    if (suspect.isPresent() && suspect.get().hash() == row.hashCode()) {
      return Optional.of("the executor died while it was doing " + suspect.get().name() + "; it is left out");
    }
    SuspectRows.begin(new SuspectRows.Row(partition, row.hashCode(), name));
    return Optional.empty();
  }

  private String id(InternalRow row) {
    for (int i = 0; i < columns.size(); i++) {
      if (columns.get(i).name().equals(idColumn)) {
        return " (" + idColumn + " = " + row.get(i, columns.get(i).dataType()) + ")";
      }
    }
    return "";
  }
}
