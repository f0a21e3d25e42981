package dev.gemmaspark.spark.executor;

import dev.gemmaspark.spark.executor.SuspectRows.Attempt;
import dev.gemmaspark.spark.executor.SuspectRows.Past;
import dev.gemmaspark.spark.executor.SuspectRows.Row;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.spark.ExceptionFailure;
import org.apache.spark.ExecutorLostFailure;
import org.apache.spark.SparkContext;
import org.apache.spark.Success$;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerApplicationEnd;
import org.apache.spark.scheduler.SparkListenerJobEnd;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import org.apache.spark.scheduler.TaskSchedulerImpl;
import org.apache.spark.scheduler.TaskSetManager;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Option;
import scala.collection.immutable.Seq;

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
  private static final String ENDS = "ends";
  private static final String PAST = "past";
  private static final String WAIT = "wait";
  private static final String HARMLESS = "harmless";
  private static final String CAREFUL = "careful";

  /** The rows of one task, whichever its attempt. */
  private record Partition(int stage, int number) {}

  private static final class Known {
    final Set<Attempt> begun = new HashSet<>();
    final Map<Attempt, Row> doing = new HashMap<>();
    final Set<Row> deadly = new LinkedHashSet<>();
    int deaths;
  }

  private final SparkContext spark;
  private final Map<Partition, Known> partitions = new HashMap<>();
  private final Map<Integer, Seq<Object>> stagesOfJobs = new HashMap<>();

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

  static String[] ends(Attempt attempt) {
    return message(ENDS, attempt);
  }

  /** @param wait whether the driver may say that it has not heard of this attempt yet, and so perhaps not of the end of those before it */
  static String[] past(Attempt attempt, boolean wait) {
    return message(PAST, attempt, "" + wait);
  }

  private static String[] message(String kind, Attempt attempt, String... more) {
    String[] words = {kind, "" + attempt.stage(), "" + attempt.stageAttempt(), "" + attempt.partition(), "" + attempt.number(), "", ""};
    System.arraycopy(more, 0, words, 5, more.length);
    return words;
  }

  /** What an answer says; nothing where the driver may have yet to hear of the end of an attempt. */
  static Optional<Past> past(String[] answer) {
    return switch (answer[0]) {
      case HARMLESS -> Optional.of(Past.HARMLESS);
      case CAREFUL -> {
        List<Row> suspects = new ArrayList<>();
        for (int i = 1; i < answer.length; i += 2) {
          suspects.add(new Row(Integer.parseInt(answer[i]), answer[i + 1]));
        }
        yield Optional.of(new Past(true, suspects));
      }
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
      case ENDS -> endsRow(attempt);
      default -> {
        return answer(attempt, Boolean.parseBoolean(words[5]));
      }
    }
    return null;
  }

  private synchronized void begins(Attempt attempt, int hash, String name) {
    known(attempt).doing.put(attempt, new Row(hash, name));
  }

  private synchronized void endsRow(Attempt attempt) {
    known(attempt).doing.remove(attempt);
  }

  /** Spark tells of the end of one attempt before the beginning of that which it causes; a speculative one has no such cause. */
  private synchronized String[] answer(Attempt attempt, boolean wait) {
    Known known = known(attempt);
    if (wait && !known.begun.contains(attempt)) {
      return new String[] {WAIT};
    }
    if (known.deaths < CAREFREE_DEATHS) {
      return new String[] {HARMLESS};
    }
    List<String> words = new ArrayList<>(List.of(CAREFUL));
    known.deadly.forEach(row -> words.addAll(List.of("" + row.hash(), row.name())));
    return words.toArray(String[]::new);
  }

  private Known known(Attempt attempt) {
    return partitions.computeIfAbsent(new Partition(attempt.stage(), attempt.partition()), partition -> new Known());
  }

  @Override
  public void onTaskStart(SparkListenerTaskStart start) {
    if (start.taskInfo().attemptNumber() > 0) {
      begun(new Attempt(start.stageId(), start.stageAttemptId(), start.taskInfo().partitionId(), start.taskInfo().attemptNumber()));
    }
  }

  @Override
  public void onTaskEnd(SparkListenerTaskEnd end) {
    if (end.reason() == Success$.MODULE$) {
      return;
    }
    Attempt attempt = new Attempt(end.stageId(), end.stageAttemptId(), end.taskInfo().partitionId(), end.taskInfo().attemptNumber());
    if (end.reason() instanceof ExecutorLostFailure lost && lost.exitCausedByApp()) {
      died(attempt);
    }
    if (end.reason() instanceof ExceptionFailure failure && failure.className().equals(RowFailedException.class.getName())) {
      // without the plugin the task could not say so itself
      giveUp(attempt.stage(), attempt.stageAttempt(), failure.description());
    }
  }

  synchronized void begun(Attempt attempt) {
    known(attempt).begun.add(attempt);
  }

  /** That an attempt's executor died by what it did. */
  synchronized void died(Attempt attempt) {
    Known known = known(attempt);
    known.deaths++;
    Row row = known.doing.get(attempt);
    if (row != null) {
      LOG.error("An executor died while it was doing {}", row.name());
      known.deadly.add(row);
    }
  }

  @Override
  public synchronized void onJobStart(SparkListenerJobStart start) {
    stagesOfJobs.put(start.jobId(), start.stageIds());
  }

  @Override
  public synchronized void onJobEnd(SparkListenerJobEnd end) {
    Seq<Object> stages = stagesOfJobs.remove(end.jobId());
    partitions.keySet().removeIf(partition -> stages != null && stages.contains(partition.stage()));
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
