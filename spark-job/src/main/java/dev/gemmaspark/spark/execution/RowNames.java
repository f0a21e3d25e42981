package dev.gemmaspark.spark.execution;

import dev.gemmaspark.spark.executor.SuspectRows;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;

/** What a user knows the rows of a task by: never their contents, but for the column that was named for it. */
final class RowNames {
  private final int partition;
  private final List<Attribute> columns;
  private final String idColumn;

  RowNames(Seq<Attribute> input, TaskContext task) {
    this.partition = task.partitionId();
    this.columns = CollectionConverters.asJava(input);
    this.idColumn = task.getLocalProperty(SuspectRows.ID_COLUMN);
  }

  /** @param number among the rows of the task, from 0 */
  String of(long number, InternalRow row) {
    return "row " + number + " of partition " + partition + id(row);
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
