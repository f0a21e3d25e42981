package dev.gemmaspark.spark.execution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import dev.gemmaspark.spark.executor.SuspectRows.Attempt;
import dev.gemmaspark.spark.executor.SuspectRows.Row;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.spark.TaskKilledException;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class CarefulRowsTest {
  private static final InternalRow DEADLY = new GenericInternalRow(new Object[] {1L});
  private static final InternalRow SOUND = new GenericInternalRow(new Object[] {2L});

  private static CarefulRows task(int partition) {
    return new CarefulRows(new Attempt(1, 0, partition, 2), List.of(new Row(DEADLY.hashCode(), "row 1")));
  }

  @Test
  void ofTheTasksOfAnExecutorOneRowIsUnderWay() throws Exception {
    try (CarefulRows one = task(0);
        CarefulRows other = task(1)) {
      assertThat(one.begin(SOUND, "row 2", () -> {})).isEmpty();
      CountDownLatch waits = new CountDownLatch(1);
      CompletableFuture<Object> begun = CompletableFuture.supplyAsync(() -> other.begin(SOUND, "row 2", waits::countDown));
      waits.await();
      assertThat(begun).isNotDone();
      one.end();
      begun.get(10, TimeUnit.SECONDS);
    }
  }

  /** Another thread than the task's may read its rows, and be behind its end. */
  @Test
  void aTurnThatComesAfterTheTasksEndIsGivenBack() {
    CarefulRows ended = task(0);
    ended.close();
    assertThatThrownBy(() -> ended.begin(SOUND, "row 2", () -> {})).isInstanceOf(TaskKilledException.class);
    try (CarefulRows other = task(1)) {
      assertThat(other.begin(SOUND, "row 2", () -> fail("nobody has the turn"))).isEmpty();
    }
  }

  @Test
  void aTaskThatEndsInTheMiddleOfARowLetsTheOthersGoOn() {
    CarefulRows ended = task(0);
    ended.begin(SOUND, "row 2", () -> {});
    ended.close();
    ended.close();
    for (int partition = 1; partition < 3; partition++) {
      try (CarefulRows other = task(partition)) {
        assertThat(other.begin(SOUND, "row 2", () -> {})).isEmpty();
        assertThat(other.begin(DEADLY, "row 1", () -> {})).hasValueSatisfying(reason -> assertThat(reason).contains("row 1"));
      }
    }
  }
}
