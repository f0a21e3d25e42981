package dev.gemmaspark.spark.app;

import dev.gemmaspark.spark.execution.GemmaMetrics.Metric;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.scheduler.AccumulableInfo;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorMetricsUpdate;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import scala.Tuple4;
import scala.jdk.javaapi.CollectionConverters;

/**
 * A line that says how far a job is, from what its tasks report: with every heartbeat while they run, and when they end. On a terminal
 * the line is written over; elsewhere, in a log say, a line is written now and then. Called by Spark's listener thread.
 */
final class Progress extends SparkListener {
  private static final String CLEAR_LINE = "\r\u001B[K";
  private static final long TERMINAL_MILLIS = 200;
  private static final long LOG_MILLIS = 10_000;

  private final PrintWriter out;
  private final long rows;
  private final boolean terminal = "true".equals(System.getenv("GEMMA_TERMINAL"));
  private final long start = System.nanoTime();
  private final Map<Long, Counts> tasks = new ConcurrentHashMap<>();
  private long lastShown = System.nanoTime();

  /** Of one task. */
  private record Counts(long rows, long tokens) {}

  /** @param rows of the whole job */
  Progress(PrintWriter out, long rows) {
    this.out = out;
    this.rows = rows;
  }

  @Override
  public void onTaskEnd(SparkListenerTaskEnd end) {
    if (end.reason() instanceof org.apache.spark.Success$) {
      update(end.taskInfo().taskId(), CollectionConverters.asJava(end.taskInfo().accumulables()));
    } else {
      tasks.remove(end.taskInfo().taskId());
    }
  }

  @Override
  public void onExecutorMetricsUpdate(SparkListenerExecutorMetricsUpdate heartbeat) {
    for (Tuple4<Object, Object, Object, scala.collection.immutable.Seq<AccumulableInfo>> task :
        CollectionConverters.asJava(heartbeat.accumUpdates())) {
      update((Long) task._1(), CollectionConverters.asJava(task._4()));
    }
  }

  private void update(long task, Iterable<AccumulableInfo> infos) {
    // of several operators in a row, the last is behind the others
    long done = Long.MAX_VALUE;
    long tokens = 0;
    for (AccumulableInfo info : infos) {
      String name = info.name().getOrElse(() -> "");
      if (info.update().isDefined() && info.update().get() instanceof Long value) {
        if (name.equals(Metric.ROWS_DONE.label())) {
          done = Math.min(done, value);
        } else if (name.equals(Metric.PROMPT_TOKENS.label()) || name.equals(Metric.GENERATED_TOKENS.label())) {
          tokens += value;
        }
      }
    }
    if (done < Long.MAX_VALUE) {
      tasks.put(task, new Counts(done, tokens));
      show();
    }
  }

  private synchronized void show() {
    long now = System.nanoTime();
    if (Duration.ofNanos(now - lastShown).toMillis() < (terminal ? TERMINAL_MILLIS : LOG_MILLIS)) {
      return;
    }
    lastShown = now;
    String line = line(now);
    if (terminal) {
      out.print(CLEAR_LINE + line);
      out.flush();
    } else {
      out.println(line);
    }
  }

  private String line(long now) {
    long done = Math.min(rows, tasks.values().stream().mapToLong(Counts::rows).sum());
    long tokens = tasks.values().stream().mapToLong(Counts::tokens).sum();
    double seconds = Math.max(1e-3, (now - start) / 1e9);
    long left = Math.round(seconds / Math.max(1, done) * (rows - done));
    return String.format(
        Locale.ROOT, "%,d of %,d rows, %,.0f tokens/s, %s left", done, rows, tokens / seconds, text(Duration.ofSeconds(left)));
  }

  private static String text(Duration duration) {
    return duration.toHours() > 0
        ? String.format(Locale.ROOT, "%d h %02d min", duration.toHours(), duration.toMinutesPart())
        : String.format(Locale.ROOT, "%d:%02d min", duration.toMinutes(), duration.toSecondsPart());
  }

  /** Takes the line off a terminal. */
  void clear() {
    if (terminal) {
      out.print(CLEAR_LINE);
      out.flush();
    }
  }
}
