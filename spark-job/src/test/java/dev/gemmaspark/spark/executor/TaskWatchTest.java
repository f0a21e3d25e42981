package dev.gemmaspark.spark.executor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.spark.executor.SuspectRows.Attempt;
import dev.gemmaspark.spark.executor.SuspectRows.Past;
import dev.gemmaspark.spark.executor.SuspectRows.Row;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class TaskWatchTest {
  private final TaskWatch watch = new TaskWatch(null);

  private static Attempt attempt(int number) {
    return new Attempt(7, 0, 3, number);
  }

  private Optional<Past> past(int number) {
    return TaskWatch.past((String[]) watch.receive(TaskWatch.past(attempt(number))));
  }

  @Test
  void anAttemptWaitsUntilTheEndOfTheOneBeforeIsKnown() {
    assertThat(past(1)).isEmpty();
    watch.ended(attempt(0), false);
    assertThat(past(1)).contains(Past.HARMLESS);
  }

  @Test
  void executorsThatWerePreemptedAreNoReasonForCare() {
    for (int number = 0; number < 3; number++) {
      watch.ended(attempt(number), false);
    }
    assertThat(past(3)).contains(Past.HARMLESS);
  }

  @Test
  void afterTwoDeathsRowsGoOneByOneAndTheOneOfTheThirdIsKnown() {
    watch.ended(attempt(0), true);
    assertThat(past(1)).contains(Past.HARMLESS);
    watch.ended(attempt(1), true);
    assertThat(past(2)).contains(new Past(true, Optional.empty()));
    watch.receive(TaskWatch.begins(attempt(2), new Row(5, "row 5")));
    watch.receive(TaskWatch.begins(attempt(2), new Row(6, "row 6")));
    watch.ended(attempt(2), true);
    assertThat(past(3)).contains(new Past(true, Optional.of(new Row(6, "row 6"))));
  }

  @Test
  void anotherPartitionIsNotConcerned() {
    watch.ended(attempt(0), true);
    watch.ended(attempt(1), true);
    Attempt other = new Attempt(7, 0, 4, 1);
    watch.ended(new Attempt(7, 0, 4, 0), false);
    assertThat(TaskWatch.past((String[]) watch.receive(TaskWatch.past(other)))).contains(Past.HARMLESS);
  }
}
