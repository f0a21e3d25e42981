package dev.gemmaspark.spark.executor;

import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How tasks speak with the driver about rows: of one that cannot be done, which ends the query; and of those that end their executor. A task
 * whose executors have died twice says of each row that it begins it; if its executor then dies, the next attempt learns which row that was,
 * and leaves it out. Without {@code GemmaSparkPlugin}, which carries the messages from other processes, the executor's log alone says it. Safe
 * for use by many threads.
 */
public final class SuspectRows {
  /** A local property of Spark: the column that a user knows rows by. */
  public static final String ID_COLUMN = "gemma.idColumn";

  private static final Logger LOG = LoggerFactory.getLogger(SuspectRows.class);
  private static final int MOST_ASKS = 100;
  private static final long MILLIS_BETWEEN_ASKS = 100;

  private static volatile Driver driver = message -> null;

  /** How an executor speaks with the driver. Messages are arrays of strings: Spark reads them without the classes of applications. */
  @FunctionalInterface
  public interface Driver {
    /** The answer to a message, which may be null. */
    Object ask(Object message) throws Exception;
  }

  /** An attempt at the rows of one task. */
  public record Attempt(int stage, int stageAttempt, int partition, int number) {}

  /**
   * A row that is being done.
   *
   * @param hash of its contents: rows may come in another order when a task is tried again
   * @param name what a user knows it by, never its contents
   */
  public record Row(int hash, String name) {}

  /**
   * What is known of earlier attempts at a task's rows.
   *
   * @param careful whether rows are to be done one by one
   * @param suspects the rows that ended executors
   */
  public record Past(boolean careful, List<Row> suspects) {
    static final Past HARMLESS = new Past(false, List.of());

    public Past {
      suspects = List.copyOf(suspects);
    }
  }

  private SuspectRows() {}

  /** From now on, messages take this way. */
  public static void connect(Driver way) {
    driver = way;
  }

  /** Says that a row is begun, and returns when that is known to the driver. */
  public static void begin(Attempt attempt, Row row) {
    LOG.warn("Tried again, row by row: {} begins", row.name());
    ask(TaskWatch.begins(attempt, row));
  }

  /** Says that the row which was begun is done, and returns when that is known to the driver. */
  public static void end(Attempt attempt) {
    ask(TaskWatch.ends(attempt));
  }

  /** Says that a row cannot be done, and returns when the driver has given the query up. */
  public static void failed(Attempt attempt, String sentence) {
    ask(TaskWatch.failed(attempt, sentence));
  }

  /** What became of earlier attempts; waits a while for the driver to hear of their ends. */
  public static Past past(Attempt attempt) {
    if (attempt.number() == 0) {
      return Past.HARMLESS;
    }
    for (int i = 0; i <= MOST_ASKS; i++) {
      if (!(ask(TaskWatch.past(attempt, i < MOST_ASKS)) instanceof String[] answer)) {
        return Past.HARMLESS;
      }
      Optional<Past> past = TaskWatch.past(answer);
      if (past.isPresent()) {
        return past.get();
      }
      try {
        Thread.sleep(MILLIS_BETWEEN_ASKS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return Past.HARMLESS;
      }
    }
    return Past.HARMLESS;
  }

  private static Object ask(String[] message) {
    try {
      return driver.ask(message);
    } catch (Exception e) {
      LOG.warn("The driver does not answer about rows: {}", e.toString());
      return null;
    }
  }
}
