package dev.gemmaspark.spark.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.spark.storage.SmallFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.api.java.function.VoidFunction2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.apache.spark.sql.streaming.StreamingQueryProgress;
import org.apache.spark.sql.streaming.Trigger;
import picocli.CommandLine.Option;

/** Whether the input is a folder that files come to, and how they are taken up. */
final class StreamOptions {
  private static final String OBSERVED = "gemma";
  /** By which Spark knows the files of a stream. */
  static final String LOG = "_spark_metadata";

  private static final String METADATA = "metadata";
  private static final String COMMITS = "commits";

  /** In the output: by which query it is written, as its checkpoint has it. */
  static final String QUERY = "_gemma_query";

  private static final long POLL_MILLIS = 200;
  private static final String AVAILABLE_NOW = "available-now";

  @Option(
      names = "--stream",
      description = "Take up files as they come to the input folder; each exactly once, also after a restart.")
  private boolean stream;

  @Option(names = "--checkpoint", paramLabel = "DIR", description = "With --stream: where Spark keeps what it has taken up.")
  private String checkpoint;

  @Option(
      names = "--trigger",
      paramLabel = "T",
      defaultValue = AVAILABLE_NOW,
      description = "With --stream: available-now, to do what is new and end, or an interval such as '30 seconds' (default: ${DEFAULT-VALUE}).")
  private String trigger;

  @Option(names = "--max-files-per-trigger", paramLabel = "N", description = "With --stream: files that are taken up together, at the most.")
  private Integer maxFiles;

  boolean isOn() {
    return stream;
  }

  Integer maxFiles() {
    return maxFiles;
  }

  void check(OutputOptions.Mode mode) {
    if (!stream) {
      if (checkpoint != null || maxFiles != null || !trigger.equals(AVAILABLE_NOW)) {
        throw new UsageException("--checkpoint, --trigger and --max-files-per-trigger go with --stream");
      }
      return;
    }
    if (checkpoint == null) {
      throw new UsageException("--stream needs --checkpoint DIR, a folder where it remembers which files it has taken up");
    }
    if (maxFiles != null && maxFiles < 1) {
      throw new UsageException("--max-files-per-trigger is " + maxFiles + "; it must be at least 1");
    }
    if (mode == OutputOptions.Mode.OVERWRITE || mode == OutputOptions.Mode.RESUME) {
      throw new UsageException("--mode " + mode.name().toLowerCase(Locale.ROOT) + " does not go with --stream: its checkpoint knows what has been done");
    }
    trigger();
  }

  /**
   * Fails where the checkpoint is not the one that the output was written with: Spark would take files up, and leave their rows out without a
   * word, because the output has batches of the same numbers.
   */
  private void requireItsOutput(SparkSession spark, String output) throws IOException {
    Path place = new Path(output);
    Path memory = new Path(checkpoint);
    FileSystem fileSystem = place.getFileSystem(spark.sessionState().newHadoopConf());
    FileSystem ofMemory = memory.getFileSystem(spark.sessionState().newHadoopConf());
    boolean written = fileSystem.exists(new Path(place, LOG));
    Optional<String> id = ofMemory.exists(new Path(memory, METADATA)) ? Optional.of(queryId(ofMemory, new Path(memory, METADATA))) : Optional.empty();
    Optional<byte[]> known = new SmallFile(fileSystem, new Path(place, QUERY)).read();
    if (written && (id.isEmpty() || known.isPresent() && !id.get().equals(new String(known.get(), StandardCharsets.UTF_8)))) {
      throw new UsageException(
          String.format(Locale.ROOT, "The output at %s was written with another checkpoint than %s; name that one, or another --output", output, checkpoint));
    }
    if (!written && ofMemory.exists(new Path(memory, COMMITS)) && ofMemory.listStatus(new Path(memory, COMMITS)).length > 0) {
      throw new UsageException(
          String.format(Locale.ROOT, "The checkpoint %s is of another output than %s; name that one, or another --checkpoint", checkpoint, output));
    }
  }

  private static String queryId(FileSystem fileSystem, Path metadata) throws IOException {
    try (InputStream in = fileSystem.open(metadata)) {
      return new ObjectMapper().readTree(in).path("id").asText();
    }
  }

  /**
   * Writes all rows that come, until the query ends, or until too many of a batch have failed.
   *
   * @param failThreshold of a batch's rows
   */
  void write(Dataset<Row> rows, String path, FailThreshold failThreshold) throws IOException, TimeoutException, StreamingQueryException {
    SparkSession spark = rows.sparkSession();
    requireItsOutput(spark, path);
    StreamingQuery query =
        rows.observe(OBSERVED, functions.count(functions.lit(1)).as("rows"), functions.count(functions.col("error")).as("failed"))
            .writeStream()
            .format("parquet")
            .outputMode("append")
            .option("checkpointLocation", checkpoint)
            .trigger(trigger())
            .start(path);
    Path place = new Path(path);
    new SmallFile(place.getFileSystem(spark.sessionState().newHadoopConf()), new Path(place, QUERY)).write(query.id().toString().getBytes(StandardCharsets.UTF_8));
    long checked = -1;
    boolean ended = false;
    while (!ended) {
      ended = query.awaitTermination(POLL_MILLIS);
      for (StreamingQueryProgress batch : query.recentProgress()) {
        if (batch.batchId() > checked && batch.observedMetrics().containsKey(OBSERVED)) {
          checked = batch.batchId();
          check(query, batch, path, failThreshold);
        }
      }
    }
  }

  private static void check(StreamingQuery query, StreamingQueryProgress batch, String path, FailThreshold failThreshold) throws TimeoutException {
    Row counts = batch.observedMetrics().get(OBSERVED);
    if (failThreshold.isExceeded(counts.getLong(1), counts.getLong(0))) {
      query.stop();
      throw new GemmaException(
          String.format(
              Locale.ROOT,
              "%s; the column 'error' of %s says why",
              failThreshold.sentence(counts.getLong(1), counts.getLong(0), "rows of batch " + batch.batchId() + " failed"), path));
    }
  }

  /** Hands every batch of rows that come to a writer, until the query ends. */
  void forEachBatch(Dataset<Row> rows, VoidFunction2<Dataset<Row>, Long> writer) throws TimeoutException, StreamingQueryException {
    rows.writeStream().foreachBatch(writer).option("checkpointLocation", checkpoint).trigger(trigger()).start().awaitTermination();
  }

  private Trigger trigger() {
    if (trigger.equals(AVAILABLE_NOW)) {
      return Trigger.AvailableNow();
    }
    try {
      return Trigger.ProcessingTime(trigger);
    } catch (RuntimeException e) {
      throw new UsageException(String.format(Locale.ROOT, "--trigger is '%s'; it must be available-now, or an interval such as '30 seconds'",
          trigger));
    }
  }
}
