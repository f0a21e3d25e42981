package dev.gemmaspark.spark.execution;

import dev.gemmaspark.spark.executor.SuspectRows;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskKilledException;
import org.apache.spark.sql.catalyst.InternalRow;

/**
 * The rows of a task whose executors have died: one at a time, each named before it is begun; also one at a time among the tasks of an
 * executor that do so, so that of the rows beside each other only the deadly one is under way. Who makes it closes it, on any thread.
 */
final class CarefulRows implements AutoCloseable {
  /** Of this executor's careful tasks, one has it. */
  private static final Semaphore TURN = new Semaphore(1, true);

  private static final long MILLIS_BETWEEN_LOOKS = 100;

  private final SuspectRows.Attempt attempt;
  private final List<SuspectRows.Row> suspects;
  private boolean hasTurn;
  private boolean closed;

  CarefulRows(SuspectRows.Attempt attempt, List<SuspectRows.Row> suspects) {
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
   * Begins a row, when no other of this executor is under way.
   *
   * @param whileWaiting called every now and then until its turn has come; may throw to give up
   * @return why it is not to be done, if that is so: then it is not begun
   */
  Optional<String> begin(InternalRow row, String name, Runnable whileWaiting) {
    for (SuspectRows.Row suspect : suspects) {
      if (suspect.hash() == row.hashCode()) {
        return Optional.of("the executor died while it was doing " + suspect.name() + "; it is left out");
      }
    }
    try {
      while (!TURN.tryAcquire(MILLIS_BETWEEN_LOOKS, TimeUnit.MILLISECONDS)) {
        whileWaiting.run();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TaskKilledException("interrupted");
    }
    takeTurn();
    SuspectRows.begin(attempt, new SuspectRows.Row(row.hashCode(), name));
    return Optional.empty();
  }

  /** Ends the row that was begun, if one was. */
  void end() {
    if (hasTurn()) {
      SuspectRows.end(attempt);
      giveBack();
    }
  }

  private synchronized boolean hasTurn() {
    return hasTurn;
  }

  /** The task may have ended in the meantime, when another thread than its own reads its rows. */
  private synchronized void takeTurn() {
    if (closed) {
      TURN.release();
      throw new TaskKilledException("ended");
    }
    hasTurn = true;
  }

  @Override
  public synchronized void close() {
    closed = true;
    giveBack();
  }

  private synchronized void giveBack() {
    if (hasTurn) {
      hasTurn = false;
      TURN.release();
    }
  }
}
