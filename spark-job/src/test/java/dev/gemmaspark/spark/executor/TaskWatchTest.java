package dev.gemmaspark.spark.executor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.spark.executor.SuspectRows.Attempt;
import dev.gemmaspark.spark.executor.SuspectRows.Past;
import dev.gemmaspark.spark.executor.SuspectRows.Row;
import java.util.List;
import java.util.Optional;
import org.apache.spark.scheduler.JobSucceeded$;
import org.apache.spark.scheduler.SparkListenerJobEnd;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.StageInfo;
import org.junit.jupiter.api.Test;
import scala.Option;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;

class TaskWatchTest {
  private final TaskWatch watch = new TaskWatch(null);

  private static Attempt attempt(int number) {
    return new Attempt(7, 0, 3, number);
  }

  private Optional<Past> past(int number) {
    return past(attempt(number), true);
  }

  private Optional<Past> past(Attempt attempt, boolean wait) {
    return TaskWatch.past((String[]) watch.receive(TaskWatch.past(attempt, wait)));
  }

  private void diesDoing(int number, Row... rows) {
    watch.begun(attempt(number));
    for (Row row : rows) {
      watch.receive(TaskWatch.begins(attempt(number), row));
    }
    watch.died(attempt(number));
  }

  @Test
  void anAttemptWaitsUntilTheDriverHasHeardOfItAndSoOfWhatWasBefore() {
    assertThat(past(1)).isEmpty();
    watch.begun(attempt(1));
    assertThat(past(1)).contains(Past.HARMLESS);
  }

  @Test
  void aSpeculativeAttemptDoesNotWaitForTheOneBesideIt() {
    // 0 is still running
    watch.begun(attempt(1));
    assertThat(past(1)).contains(Past.HARMLESS);
  }

  @Test
  void whoWaitsNoMoreIsToldWhatIsKnown() {
    diesDoing(0);
    diesDoing(1);
    assertThat(past(attempt(2), false)).contains(new Past(true, List.of()));
  }

  @Test
  void afterTwoDeathsRowsGoOneByOneAndThoseOfLaterOnesAreKnown() {
    diesDoing(0);
    watch.begun(attempt(1));
    assertThat(past(1)).contains(Past.HARMLESS);
    watch.died(attempt(1));
    watch.begun(attempt(2));
    assertThat(past(2)).contains(new Past(true, List.of()));
    diesDoing(2, new Row(5, "row 5"), new Row(6, "row 6"));
    diesDoing(3, new Row(5, "row 5"), new Row(9, "row 9"));
    watch.begun(attempt(4));
    assertThat(past(4)).contains(new Past(true, List.of(new Row(6, "row 6"), new Row(9, "row 9"))));
  }

  @Test
  void aRowThatWasDoneWhenItsExecutorDiedIsNotDeadly() {
    diesDoing(0);
    diesDoing(1);
    watch.begun(attempt(2));
    watch.receive(TaskWatch.begins(attempt(2), new Row(5, "row 5")));
    watch.receive(TaskWatch.ends(attempt(2)));
    watch.died(attempt(2));
    watch.begun(attempt(3));
    assertThat(past(3)).contains(new Past(true, List.of()));
  }

  @Test
  void anotherPartitionIsNotConcerned() {
    diesDoing(0);
    diesDoing(1);
    Attempt other = new Attempt(7, 0, 4, 2);
    watch.begun(other);
    assertThat(past(other, true)).contains(Past.HARMLESS);
  }

  @Test
  void whatIsKnownOfAJobGoesWithIt() {
    StageInfo stage = new StageInfo(7, 0, "", 4, none(), none(), "", null, none(), Option.empty(), 0, false, 0);
    watch.onJobStart(new SparkListenerJobStart(2, 0, CollectionConverters.asScala(List.of(stage)).toSeq(), null));
    diesDoing(0);
    diesDoing(1);
    watch.onJobEnd(new SparkListenerJobEnd(2, 0, JobSucceeded$.MODULE$));
    assertThat(past(2)).isEmpty();
    assertThat(past(attempt(2), false)).contains(Past.HARMLESS);
  }

  private static <T> Seq<T> none() {
    return CollectionConverters.asScala(List.<T>of()).toSeq();
  }
}
