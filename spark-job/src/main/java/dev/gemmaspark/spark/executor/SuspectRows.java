package dev.gemmaspark.spark.executor;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which rows end their executor. A task that is tried for the third time says of each row that it begins it; if its executor then dies,
 * the next attempt learns which row that was, and leaves it out. Without {@code GemmaSparkPlugin}, which carries the messages, the
 * executor's log alone says it. Safe for use by many threads.
 */
public final class SuspectRows {
  /** A local property of Spark: the column that a user knows rows by. */
  public static final String ID_COLUMN = "gemma.idColumn";

  private static final Logger LOG = LoggerFactory.getLogger(SuspectRows.class);

  private static volatile Driver driver = message -> null;

  /** How an executor speaks with the driver. Messages are arrays of strings: Spark reads them without the classes of applications. */
  @FunctionalInterface
  public interface Driver {
    /** The answer to a message, which may be null. */
    Object ask(Object message) throws Exception;
  }

  /** The rows of one task, whichever its attempt. */
  public record Partition(int stage, int number) {}

  /**
   * A row that is being done.
   *
   * @param partition where it is
   * @param hash of its contents: rows may come in another order when a task is tried again
   * @param name what a user knows it by, never its contents
   */
  public record Row(Partition partition, int hash, String name) {}

  private SuspectRows() {}

  /** From now on, messages take this way. */
  public static void connect(Driver way) {
    driver = way;
  }

  /** Says that a row is begun, and returns when that is known to the driver. */
  public static void begin(Row row) {
    LOG.warn("Tried again, row by row: {} begins", row.name());
    ask(message(row.partition(), "" + row.hash(), row.name()));
  }

  /** The row that ended the executor of an earlier attempt at these rows. */
  public static Optional<Row> of(Partition partition) {
    return ask(message(partition)) instanceof String[] answer ? Optional.of(row(answer)) : Optional.empty();
  }

  private static String[] message(Partition partition, String... more) {
    return Stream.concat(Stream.of("" + partition.stage(), "" + partition.number()), Stream.of(more)).toArray(String[]::new);
  }

  private static Partition partition(String[] message) {
    return new Partition(Integer.parseInt(message[0]), Integer.parseInt(message[1]));
  }

  private static Row row(String[] message) {
    return new Row(partition(message), Integer.parseInt(message[2]), message[3]);
  }

  private static Object ask(String[] message) {
    try {
      return driver.ask(message);
    } catch (Exception e) {
      LOG.warn("The driver does not answer about suspect rows: {}", e.toString());
      return null;
    }
  }

  /** What the driver knows. */
  public static final class Ledger {
    private static final int WORDS_OF_A_ROW = 4;

    private final Map<Partition, String[]> begun = new ConcurrentHashMap<>();
    private final Set<Partition> deadly = ConcurrentHashMap.newKeySet();

    /** Takes a message of an executor, and answers it. */
    public Object receive(Object message) {
      String[] words = (String[]) message;
      Partition partition = partition(words);
      if (words.length == WORDS_OF_A_ROW) {
        begun.put(partition, words);
        deadly.remove(partition);
        return null;
      }
      return deadly.contains(partition) ? begun.get(partition) : null;
    }

    /** The executor of a task died by what it did. */
    public void executorDied(Partition partition) {
      String[] words = begun.get(partition);
      if (words != null) {
        LOG.error("An executor died while it was doing {}", row(words).name());
        deadly.add(partition);
      }
    }
  }
}
