package dev.gemmaspark.spark.app;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.spark.conf.GemmaConf;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;

/** A run over all questions: asks the model what it has not said yet, in slices that are kept whatever comes after them; then writes all answers. */
final class AnswerRun {
  private final SparkSession spark;
  private final GemmaConf conf;
  private final Answering answering;
  private final AnswerFolder folder;
  private final String runId;
  private final FailThreshold failThreshold;

  /**
   * What a run came to.
   *
   * @param asked how often the model was asked
   * @param known questions whose answers were known
   */
  record Counts(long questions, long answered, long noEvidence, long failed, long asked, long known) {}

  /** @param failThreshold of questions, after which the run ends */
  AnswerRun(SparkSession spark, GemmaConf conf, Answering answering, AnswerFolder folder, String runId, FailThreshold failThreshold) {
    this.spark = spark;
    this.conf = conf;
    this.answering = answering;
    this.folder = folder;
    this.runId = runId;
    this.failThreshold = failThreshold;
  }

  /**
   * Answers questions.
   *
   * @param found with their evidence; read several times
   */
  Counts run(Dataset<Row> found, PrintWriter out) throws Exception {
    requireReadable(found);
    long modelCalls = ask(found, out);
    Dataset<Row> known = known();
    requireAllAsked(found, known);
    folder.write(answering.finish(found.join(known, AnswerFolder.key(), "left")));
    folder.keep(found.select("key"));
    Counts counts = counts(modelCalls);
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("runId", runId);
    report.put("model", answering.model().name());
    report.put("modelSha256", answering.model().sha256());
    report.put("promptVersion", answering.promptVersion());
    report.put("counts", counts);
    folder.succeed(report);
    return counts;
  }

  private void requireReadable(Dataset<Row> found) {
    Row counts = found.agg(functions.count(functions.col("problem")), functions.count(functions.lit(1)), functions.first("problem", true)).first();
    if (failThreshold.isExceeded(counts.getLong(0), counts.getLong(1))) {
      throw new GemmaException(
          failThreshold.sentence(counts.getLong(0), counts.getLong(1), "questions cannot be read")
              + "; the answers of the run before stay. One of them: " + counts.getString(2));
    }
  }

  private long ask(Dataset<Row> found, PrintWriter out) throws Exception {
    OutputFolder slicesFolder = folder.slices();
    slicesFolder.open();
    Slices slices = Slices.byColumn(toAsk(found, folder.said().where("error IS NULL").select("key")), "key");
    try {
      if (slices.rows() == 0) {
        return 0;
      }
      RunReport report =
          new RunReport(
              "answer", runId, RunReport.BEGINS, "questions", answering.model().name(), answering.model().sha256(), Map.of(), RunReport.RUNNING, slices.rows(), 0, List.of(), 0);
      SliceRun run =
          new SliceRun(
              spark,
              slices,
              slicesFolder,
              report,
              slices.rows(),
              slices.rows(),
              failThreshold,
              slice -> answering.ask(Partitions.spread(slice.rows(), slice.count(), conf, spark)).select(Answering.results()));
      RunReport done = run.run(out);
      if (!done.isFinished()) {
        throw new GemmaException(
            failThreshold.sentence(done.failed(), slices.rows(), "questions failed")
                + "; the answers of the run before stay, and the column 'error' of " + folder + "/_gemma_said says why");
      }
      return done.rowsDone();
    } finally {
      slices.release();
    }
  }

  /** Each key that is not known, once. */
  private static Dataset<Row> toAsk(Dataset<Row> found, Dataset<Row> known) {
    return found.where("key IS NOT NULL")
        .select("question_id", "key", "question", "passages", "shown")
        .join(known, AnswerFolder.key(), "left_anti")
        .dropDuplicates("key");
  }

  /** What is known by now; of questions that failed, only what this run has. */
  private Dataset<Row> known() throws IOException {
    return folder.said().where(functions.col("error").isNull().or(functions.col("run_id").equalTo(runId))).dropDuplicates("key");
  }

  /** Whatever happened to slices on their way: what the model was not asked is not without evidence for that. */
  private void requireAllAsked(Dataset<Row> found, Dataset<Row> known) {
    long missing = found.where("key IS NOT NULL").select("key").distinct().join(known, AnswerFolder.key(), "left_anti").count();
    if (missing > 0) {
      throw new GemmaException(
          "The model was not asked " + missing + " of the questions that it should have been, because something that this run had computed or written was lost"
              + " on the way; the answers of the run before stay. Start the run again: it asks what is missing");
    }
  }

  private Counts counts(long modelCalls) {
    Dataset<Row> answers = folder.answers();
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
}
