package dev.gemmaspark.spark.executor;

import dev.gemmaspark.spark.executor.SuspectRows.Attempt;
import dev.gemmaspark.spark.executor.SuspectRows.Past;
import dev.gemmaspark.spark.executor.SuspectRows.Row;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.apache.spark.ExceptionFailure;
import org.apache.spark.ExecutorLostFailure;
import org.apache.spark.SparkContext;
import org.apache.spark.Success$;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerApplicationEnd;
import org.apache.spark.scheduler.SparkListenerStageCompleted;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.TaskSchedulerImpl;
import org.apache.spark.scheduler.TaskSetManager;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Option;

/**
 * The driver's side of {@link SuspectRows}, one for each application. It gives a query up at the first row that cannot be done, as Spark itself
 * does where another attempt is of no use; remembers which tasks' executors died by what they did, which those that were preempted or
 * decommissioned did not; and, where tasks run in this process, closes the engines with the application. Safe for use by many threads.
 */
public final class TaskWatch extends SparkListener {
  private static final Logger LOG = LoggerFactory.getLogger(TaskWatch.class);
  private static final Map<SparkContext, TaskWatch> WATCHES = new HashMap<>();

  /** Executors that may have died for a reason of their own; of Spark's four attempts, the next finds out which row it is, and the last leaves that one out. */
  private static final int CAREFREE_DEATHS = 2;

  private static final String FAILED = "failed";
  private static final String BEGINS = "begins";
  private static final String PAST = "past";
  private static final String WAIT = "wait";
  private static final String HARMLESS = "harmless";
  private static final String CAREFUL = "careful";

  /** The rows of one task, whichever its attempt. */
  private record Partition(int stage, int number) {}

  private static final class Known {
    final Set<Attempt> ended = new HashSet<>();
    int deaths;
    Row begun;
    Row deadly;
  }

  private final SparkContext spark;
  private final Map<Partition, Known> partitions = new HashMap<>();

  TaskWatch(SparkContext spark) {
    this.spark = spark;
  }

  /** An application's, which watches from the first call on. */
  public static TaskWatch of(SparkContext spark) {
    synchronized (WATCHES) {
      TaskWatch known = WATCHES.get(spark);
      if (known != null) {
        return known;
      }
      TaskWatch watch = new TaskWatch(spark);
      WATCHES.put(spark, watch);
      spark.addSparkListener(watch);
      if (spark.isLocal()) {
        SuspectRows.connect(watch::receive);
      }
      return watch;
    }
  }

  static String[] failed(Attempt attempt, String sentence) {
    return message(FAILED, attempt, sentence);
  }

  static String[] begins(Attempt attempt, Row row) {
    return message(BEGINS, attempt, "" + row.hash(), row.name());
  }

  static String[] past(Attempt attempt) {
    return message(PAST, attempt);
  }

  private static String[] message(String kind, Attempt attempt, String... more) {
    String[] words = {kind, "" + attempt.stage(), "" + attempt.stageAttempt(), "" + attempt.partition(), "" + attempt.number(), "", ""};
    System.arraycopy(more, 0, words, words.length - 2, more.length);
    return words;
  }

  /** What an answer says; nothing where the driver has yet to hear of the end of an attempt. */
  static Optional<Past> past(String[] answer) {
    return switch (answer[0]) {
      case HARMLESS -> Optional.of(Past.HARMLESS);
      case CAREFUL -> Optional.of(
          new Past(true, answer.length == 1 ? Optional.empty() : Optional.of(new Row(Integer.parseInt(answer[1]), answer[2]))));
      default -> Optional.empty();
    };
  }

  /** Takes a message of a task, and answers it. */
  public Object receive(Object message) {
    String[] words = (String[]) message;
    Attempt attempt =
        new Attempt(Integer.parseInt(words[1]), Integer.parseInt(words[2]), Integer.parseInt(words[3]), Integer.parseInt(words[4]));
    switch (words[0]) {
      case FAILED -> giveUp(attempt.stage(), attempt.stageAttempt(), words[5]);
      case BEGINS -> begins(attempt, Integer.parseInt(words[5]), words[6]);
      default -> {
        return answer(attempt);
      }
    }
    return null;
  }

  private synchronized void begins(Attempt attempt, int hash, String name) {
    Known known = known(attempt);
    known.begun = new Row(hash, name);
    known.deadly = null;
  }

  private synchronized String[] answer(Attempt attempt) {
    Known known = known(attempt);
    boolean allEnded =
        IntStream.range(0, attempt.number())
            .allMatch(number -> known.ended.contains(new Attempt(attempt.stage(), attempt.stageAttempt(), attempt.partition(), number)));
    if (!allEnded) {
      return new String[] {WAIT};
    }
    if (known.deaths >= CAREFREE_DEATHS) {
      return known.deadly == null ? new String[] {CAREFUL} : new String[] {CAREFUL, "" + known.deadly.hash(), known.deadly.name()};
    }
    return new String[] {HARMLESS};
  }

  private Known known(Attempt attempt) {
    return partitions.computeIfAbsent(new Partition(attempt.stage(), attempt.partition()), partition -> new Known());
  }

  @Override
  public void onTaskEnd(SparkListenerTaskEnd end) {
    if (end.reason() == Success$.MODULE$) {
      return;
    }
    Attempt attempt = new Attempt(end.stageId(), end.stageAttemptId(), end.taskInfo().partitionId(), end.taskInfo().attemptNumber());
    ended(attempt, end.reason() instanceof ExecutorLostFailure lost && lost.exitCausedByApp());
    if (end.reason() instanceof ExceptionFailure failure && failure.className().equals(RowFailedException.class.getName())) {
      // without the plugin the task could not say so itself
      giveUp(attempt.stage(), attempt.stageAttempt(), failure.description());
    }
  }

  synchronized void ended(Attempt attempt, boolean byItself) {
    Known known = known(attempt);
    known.ended.add(attempt);
    if (byItself) {
      known.deaths++;
      if (known.begun != null) {
        LOG.error("An executor died while it was doing {}", known.begun.name());
        known.deadly = known.begun;
      }
    }
  }

  @Override
  public synchronized void onStageCompleted(SparkListenerStageCompleted completed) {
    if (completed.stageInfo().failureReason().isEmpty()) {
      partitions.keySet().removeIf(partition -> partition.stage() == completed.stageInfo().stageId());
    }
  }

  @Override
  public void onApplicationEnd(SparkListenerApplicationEnd end) {
    ExecutorEngine.closeAll();
    synchronized (WATCHES) {
      WATCHES.remove(spark);
    }
  }

  private void giveUp(int stage, int stageAttempt, String sentence) {
    if (spark.taskScheduler() instanceof TaskSchedulerImpl scheduler) {
      Option<TaskSetManager> tasks = scheduler.taskSetManagerForAttempt(stage, stageAttempt);
      if (tasks.isDefined() && !tasks.get().isZombie()) {
        tasks.get().abort(sentence, Option.apply(new RowFailedException(sentence)));
      }
    }
  }
}
