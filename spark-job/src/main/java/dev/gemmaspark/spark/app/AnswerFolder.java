package dev.gemmaspark.spark.app;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.storage.SmallFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiFunction;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.storage.StorageLevel;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Where answers are:
 *
 * <pre>
 * OUTPUT/part-….parquet       the answers to the questions of the last run
 * OUTPUT/_gemma_said/         what the model said, by what it was asked: of this run and, where it is still of use, of earlier ones
 * OUTPUT/_gemma_answers.json  what the last run was
 * OUTPUT/_SUCCESS             that it ended well
 * </pre>
 *
 * A run that is killed has its slices in {@code _gemma_said}, and the next one goes on from there.
 */
final class AnswerFolder {
  private static final String SAID = "_gemma_said";
  private static final String NEW = "_gemma_new";
  private static final String REPORT = "_gemma_answers.json";
  private static final String SUCCESS = "_SUCCESS";

  private final SparkSession spark;
  private final FileSystem fileSystem;
  private final Path folder;
  private final Path said;

  /**
   * What a run came to.
   *
   * @param asked how often the model was asked
   * @param known questions whose answers were known
   */
  record Counts(long questions, long answered, long noEvidence, long failed, long asked, long known) {}

  AnswerFolder(SparkSession spark, FileSystem fileSystem, Path folder) {
    this.spark = spark;
    this.fileSystem = fileSystem;
    this.folder = folder;
    this.said = new Path(folder, SAID);
  }

  /**
   * Fails for a folder that other files are in.
   *
   * @param fresh whether there may be no answers either
   */
  void requireOurs(boolean fresh) throws IOException {
    boolean ours = fileSystem.exists(said) || fileSystem.exists(new Path(folder, REPORT));
    if (ours && fresh) {
      throw new UsageException(String.format(Locale.ROOT, "There are answers at %s already; name another --output, or say --mode overwrite", folder));
    }
    for (FileStatus file : fileSystem.listStatus(folder)) {
      String name = file.getPath().getName();
      if (!ours && !name.startsWith("_") && !name.startsWith(".")) {
        throw new UsageException(String.format(Locale.ROOT, "There are files at %s that 'answer' did not write; name another --output", folder));
      }
    }
  }

  /**
   * Answers questions.
   *
   * @param evidence finds the passages of questions
   * @param failThreshold share of questions after which the run ends
   */
  Counts answer(
      Answering answering,
      Dataset<Row> asked,
      BiFunction<Answering, Dataset<Row>, Dataset<Row>> evidence,
      String runId,
      double failThreshold,
      GemmaConf conf,
      PrintWriter out)
      throws Exception {
    fileSystem.delete(new Path(folder, SUCCESS), false);
    Dataset<Row> found = evidence.apply(answering, asked).persist(StorageLevel.MEMORY_AND_DISK());
    try {
      long modelCalls = ask(answering, found, runId, failThreshold, conf, out);
      Dataset<Row> known = saidBefore(runId);
      Dataset<Row> answers = answering.finish(found.join(known, key(), "left"));
      swap(answers, folder);
      keepWhatIsOfUse(found);
      Counts counts = counts(modelCalls, runId);
      write(counts, runId, answering);
      fileSystem.create(new Path(folder, SUCCESS), true).close();
      return counts;
    } finally {
      found.unpersist();
    }
  }

  private static scala.collection.immutable.Seq<String> key() {
    return CollectionConverters.asScala(List.of("key")).toSeq();
  }

  /** Asks what is not known, in slices that are kept whatever comes after them. */
  private long ask(Answering answering, Dataset<Row> found, String runId, double failThreshold, GemmaConf conf, PrintWriter out) throws Exception {
    OutputFolder slicesFolder = new OutputFolder(said.toString(), spark);
    slicesFolder.open(false);
    Dataset<Row> unknown = found.where("key IS NOT NULL").select("question_id", "key", "question", "passages", "shown").dropDuplicates("key");
    if (slicesFolder.hasRows()) {
      Dataset<Row> known = spark.read().parquet(said.toString()).where("error IS NULL").select("key");
      unknown = unknown.join(known, key(), "left_anti");
    }
    Slices slices = new Slices(unknown);
    try {
      if (slices.rows() == 0) {
        return 0;
      }
      RunReport report =
          new RunReport(
              "answer", runId, answering.model().name(), answering.model().sha256(), Map.of(), RunReport.RUNNING, slices.rows(), 0, List.of(), 0);
      SliceRun run =
          new SliceRun(
              spark,
              slices,
              slicesFolder,
              report,
              slices.rows(),
              failThreshold,
              slice ->
                  answering
                      .ask(Partitions.spread(slice.rows(), slice.count(), conf, spark))
                      .select("key", "said", "finish_reason", "prompt_tokens", "completion_tokens", "error", "run_id", "created_at"));
      RunReport done = run.run(out);
      if (!done.isFinished()) {
        throw new GemmaException(
            String.format(
                Locale.ROOT,
                "%d of %d questions failed, more than --fail-threshold %s; the answers of the run before stay, and the column 'error' of %s says why",
                done.failed(), slices.rows(), failThreshold, said));
      }
      return done.rowsDone();
    } finally {
      slices.release();
    }
  }

  /** What is known by now; of questions that failed, only what this run has. */
  private Dataset<Row> saidBefore(String runId) throws IOException {
    if (!new OutputFolder(said.toString(), spark).hasRows()) {
      return spark.sql(
          "SELECT '' key, '' said, '' finish_reason, 0 prompt_tokens, 0 completion_tokens, '' error, '' run_id, current_timestamp() created_at WHERE false");
    }
    return spark.read().parquet(said.toString()).where(functions.col("error").isNull().or(functions.col("run_id").equalTo(runId))).dropDuplicates("key");
  }

  /** Writes beside what is there, then takes its place. */
  private void swap(Dataset<Row> rows, Path target) throws IOException {
    Path fresh = new Path(folder, NEW);
    rows.coalesce(Math.max(1, spark.sparkContext().defaultParallelism())).write().mode("overwrite").parquet(fresh.toString());
    for (FileStatus file : fileSystem.listStatus(target)) {
      if (file.isFile() && isParquet(file)) {
        fileSystem.delete(file.getPath(), false);
      }
    }
    for (FileStatus file : fileSystem.listStatus(fresh)) {
      if (isParquet(file) && !fileSystem.rename(file.getPath(), new Path(target, file.getPath().getName()))) {
        throw new IOException("cannot move " + file.getPath() + " to " + target);
      }
    }
    fileSystem.delete(fresh, true);
  }

  private static boolean isParquet(FileStatus file) {
    return file.getPath().getName().endsWith(".parquet") && !file.getPath().getName().startsWith("_");
  }

  /** Drops answers to what nobody asks any more. */
  private void keepWhatIsOfUse(Dataset<Row> found) throws IOException {
    if (!new OutputFolder(said.toString(), spark).hasRows()) {
      return;
    }
    Dataset<Row> all = spark.read().parquet(said.toString());
    Dataset<Row> used = all.where("error IS NULL").dropDuplicates("key").join(found.select("key").distinct(), key(), "left_semi").persist();
    if (used.count() < all.count()) {
      swap(used, said);
    }
    used.unpersist();
  }

  private Counts counts(long modelCalls, String runId) {
    Dataset<Row> answers = spark.read().parquet(folder.toString());
    Map<String, Long> byStatus = new LinkedHashMap<>();
    answers.groupBy("answer_status").count().collectAsList().forEach(row -> byStatus.put(row.getString(0), row.getLong(1)));
    long known = answers.where(functions.col("prompt_tokens").isNotNull().and(functions.col("run_id").notEqual(runId))).count();
    return new Counts(
        byStatus.values().stream().mapToLong(Long::longValue).sum(),
        byStatus.getOrDefault(AnswerTable.Status.ANSWERED.name(), 0L),
        byStatus.getOrDefault(AnswerTable.Status.NO_EVIDENCE.name(), 0L),
        byStatus.getOrDefault(AnswerTable.Status.ERROR.name(), 0L),
        modelCalls,
        known);
  }

  private void write(Counts counts, String runId, Answering answering) throws IOException {
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("runId", runId);
    report.put("model", answering.model().name());
    report.put("modelSha256", answering.model().sha256());
    report.put("promptVersion", answering.promptVersion());
    report.put("counts", counts);
    new SmallFile(fileSystem, new Path(folder, REPORT)).write(new JsonMapper().writerWithDefaultPrettyPrinter().writeValueAsBytes(report));
  }
}
