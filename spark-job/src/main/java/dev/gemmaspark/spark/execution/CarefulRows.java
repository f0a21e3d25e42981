package dev.gemmaspark.spark.execution;

import dev.gemmaspark.spark.executor.SuspectRows;
import java.util.List;
import java.util.Optional;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.catalyst.InternalRow;

/** The rows of a task whose executors have died: one at a time, each named before it is begun. */
final class CarefulRows {
  private final SuspectRows.Attempt attempt;
  private final List<SuspectRows.Row> suspects;

  private CarefulRows(SuspectRows.Attempt attempt, List<SuspectRows.Row> suspects) {
    this.attempt = attempt;
    this.suspects = suspects;
  }

  /** Null where there is no need for care. */
  static CarefulRows of(SuspectRows.Attempt attempt) {
    SuspectRows.Past past = SuspectRows.past(attempt);
    return past.careful() ? new CarefulRows(attempt, past.suspects()) : null;
  }

  static SuspectRows.Attempt attempt(TaskContext task) {
    return new SuspectRows.Attempt(task.stageId(), task.stageAttemptNumber(), task.partitionId(), task.attemptNumber());
  }

  /**
   * Begins a row.
   *
   * @return why it is not to be done, if that is so
   */
  Optional<String> begin(InternalRow row, String name) {
    for (SuspectRows.Row suspect : suspects) {
      if (suspect.hash() == row.hashCode()) {
        return Optional.of("the executor died while it was doing " + suspect.name() + "; it is left out");
      }
    }
    SuspectRows.begin(attempt, new SuspectRows.Row(row.hashCode(), name));
    return Optional.empty();
  }
}
