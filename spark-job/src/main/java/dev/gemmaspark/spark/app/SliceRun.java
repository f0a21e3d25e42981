package dev.gemmaspark.spark.app;

import dev.gemmaspark.engine.error.GemmaException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Observation;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;

/** Runs the slices of a job, two at a time, so that the next one's rows run while the last one's slowest do. */
final class SliceRun {
  private static final int SLICES_AT_A_TIME = 2;
  private static final Duration LONGEST_END = Duration.ofSeconds(30);
  private static final String JOB_GROUP = "gemma-slices";

  private final SparkSession spark;
  private final Slices slices;
  private final OutputFolder folder;
  private final long results;
  private final long allResults;
  private final FailThreshold failThreshold;
  private final Function<Part, Dataset<Row>> texts;
  private final long start = System.nanoTime();
  private RunReport report;

  /**
   * Rows of a slice.
   *
   * @param count about how many
   */
  record Part(Dataset<Row> rows, long count) {}

  /**
   * @param results rows that the slices will have
   * @param allResults rows that the output will have, of which no more than the threshold's share may fail
   */
  SliceRun(
      SparkSession spark,
      Slices slices,
      OutputFolder folder,
      RunReport report,
      long results,
      long allResults,
      FailThreshold failThreshold,
      Function<Part, Dataset<Row>> texts) {
    this.spark = spark;
    this.slices = slices;
    this.folder = folder;
    this.report = report;
    this.results = results;
    this.allResults = allResults;
    this.failThreshold = failThreshold;
    this.texts = texts;
  }

  /** Runs all; stops at the first that fails, or when too many rows have failed. */
  RunReport run(PrintWriter out) throws Exception {
    folder.write(report);
    Progress progress = new Progress(out, results);
    spark.sparkContext().addSparkListener(progress);
    ExecutorService threads = Executors.newFixedThreadPool(SLICES_AT_A_TIME, task -> Thread.ofPlatform().daemon().unstarted(task));
    try {
      writeAll(new ExecutorCompletionService<>(threads));
      boolean done = report.rowsDone() == results;
      report = report.ended(done && !tooManyFailed() ? RunReport.FINISHED : RunReport.FAILED, seconds());
      folder.write(report);
      if (!done && !tooManyFailed()) {
        throw new GemmaException(
            String.format(
                Locale.ROOT,
                "%,d results came out where %,d were expected: the input changed while it was read; run the job again, with --mode resume where it has ids",
                report.rowsDone(), results));
      }
      if (report.isFinished()) {
        folder.succeed();
      }
      return report;
    } catch (ExecutionException e) {
      folder.write(report.ended(RunReport.FAILED, seconds()));
      throw e.getCause() instanceof Exception cause ? cause : e;
    } finally {
      if (!report.isFinished()) {
        spark.sparkContext().cancelJobGroup(JOB_GROUP);
      }
      threads.shutdownNow();
      // who has the folder next must not meet a slice that is still being written
      threads.awaitTermination(LONGEST_END.toSeconds(), TimeUnit.SECONDS);
      spark.sparkContext().removeSparkListener(progress);
      progress.clear();
    }
  }

  private void writeAll(ExecutorCompletionService<RunReport.Slice> running) throws Exception {
    int begun = 0;
    int ended = 0;
    while (ended < slices.count() && !tooManyFailed()) {
      while (begun < slices.count() && begun - ended < SLICES_AT_A_TIME) {
        running.submit(write(begun++));
      }
      RunReport.Slice slice = running.take().get();
      ended++;
      folder.move(slice.number());
      report = report.with(slice, seconds());
      folder.write(report);
    }
  }

  private boolean tooManyFailed() {
    return failThreshold.isExceeded(report.failed(), allResults);
  }

  private Callable<RunReport.Slice> write(int number) {
    return () -> {
      spark.sparkContext().setJobGroup(JOB_GROUP, String.format(Locale.ROOT, "slice %d of %d", number + 1, slices.count()), true);
      long begun = System.nanoTime();
      Observation observation = new Observation("slice-" + number);
      long count = Math.ceilDiv(slices.rows(), slices.count());
      texts
          .apply(new Part(slices.slice(number), count))
          .observe(
              observation,
              functions.count(functions.lit(1)).as("rows"),
              functions.count(functions.col("error")).as("failed"),
              functions.sum("prompt_tokens").as("prompt"),
              functions.sum("completion_tokens").as("completion"))
          .write()
          .mode("overwrite")
          .parquet(folder.slice(number));
      Map<String, Object> values = observation.getAsJava();
      return new RunReport.Slice(
          number,
          number(values.get("rows")),
          number(values.get("failed")),
          number(values.get("prompt")),
          number(values.get("completion")),
          (System.nanoTime() - begun) / 1e9);
    };
  }

  private static long number(Object value) {
    return value == null ? 0 : ((Number) value).longValue();
  }

  private double seconds() {
    return (System.nanoTime() - start) / 1e9;
  }
}
