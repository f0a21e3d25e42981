package dev.gemmaspark.spark.app;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.executor.SuspectRows;
import dev.gemmaspark.spark.rag.Citations;
import dev.gemmaspark.spark.rag.IndexManifest;
import dev.gemmaspark.spark.rag.PassageIndex;
import dev.gemmaspark.spark.rag.VersionLease;
import dev.gemmaspark.spark.storage.FolderLock;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkUserAppException;
import org.apache.spark.api.java.function.VoidFunction2;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.storage.StorageLevel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Answers questions about documents, with citations. */
@Command(
    name = "answer",
    description = {
      "Answer questions about documents, and write the answers as Parquet: with the passages that they cite, checked.",
      "A second run asks the model only where a question, its evidence or the model has changed; the output is always that of the last run."
    },
    mixinStandardHelpOptions = true,
    version = "gemma-spark 0.1.0")
public final class AnswerApp extends Application {
  /** Of answers, beside the index if there is no other place for that. */
  static final String INDEX = "_gemma_index";
  private static final String NO_QUESTION = "the row has no question";

  @Mixin private IndexOptions indexing;
  @Mixin private QuestionOptions questions;
  @Mixin private GenerationOptions generation;
  @Mixin private StreamOptions stream;

  @Option(names = "--index", paramLabel = "PATH", description = "The folder of the index (default, with --documents: one in the output's folder).")
  private String index;

  @Option(names = "--question-column", paramLabel = "C", description = "The column with the questions (default: question; of text: value).")
  private String questionColumn;

  @Option(names = "--id-column", paramLabel = "C", description = "The column that names questions (default: id, else the question itself).")
  private String idColumn;

  @Option(names = "--output", paramLabel = "PATH", required = true, description = "Folder of Parquet files to write; those of the last run are replaced.")
  private String output;

  @Option(
      names = "--mode",
      paramLabel = "M",
      defaultValue = "overwrite",
      description = "If there are answers already: overwrite or resume, which keep what the model said before; or errorifexists (default: ${DEFAULT-VALUE}).")
  private OutputOptions.Mode mode;

  @Option(names = "--top-k", paramLabel = "K", defaultValue = "3", description = "Passages that the model is shown, at the most (default: ${DEFAULT-VALUE}).")
  private int topK;

  @Option(
      names = "--bm25-k1",
      paramLabel = "K1",
      defaultValue = "0.9",
      description = "How much repetition of a word counts in the search (default: ${DEFAULT-VALUE}).")
  private float k1;

  @Option(
      names = "--bm25-b",
      paramLabel = "B",
      defaultValue = "0.4",
      description = "How much the length of a passage counts against it, from 0 to 1 (default: ${DEFAULT-VALUE}).")
  private float b;

  @Option(
      names = FailThreshold.OPTION,
      paramLabel = "SHARE",
      defaultValue = "0.05",
      description = {
        "Fail as soon as more than this share of the questions could not be done (default: ${DEFAULT-VALUE}).",
        "With --stream: of a batch's questions, after the batch is written; the next run does it again."
      })
  private double failShare;

  /** For spark-submit. */
  public static void main(String[] arguments) throws SparkUserAppException {
    Application.main(new AnswerApp(), arguments);
  }

  @Override
  void check() {
    generation.check();
    stream.check(OutputOptions.Mode.APPEND);
    if (!indexing.hasDocuments() && index == null) {
      throw new UsageException("Which documents? Name them with --documents, or an index of them with --index");
    }
    if (mode == OutputOptions.Mode.APPEND) {
      throw new UsageException("--mode append does not go with answers: there is one to each question");
    }
    if (topK < 1 || topK > Citations.MOST_PASSAGES) {
      throw new UsageException("--top-k is " + topK + "; it must be between 1 and " + Citations.MOST_PASSAGES);
    }
    if (!(k1 >= 0 && b >= 0 && b <= 1)) {
      throw new UsageException("--bm25-k1 must be at least 0, and --bm25-b between 0 and 1");
    }
    failThreshold();
  }

  private FailThreshold failThreshold() {
    return new FailThreshold(failShare);
  }

  @Override
  void run(SparkSession spark, PrintWriter out) throws Exception {
    Configuration hadoop = spark.sessionState().newHadoopConf();
    InputFiles files = questions.files();
    Apart.require(hadoop, "--questions", files.path(), "--output", output);
    indexing.requireApart(hadoop, "--output", output);
    if (index != null) {
      Apart.require(hadoop, "--questions", files.path(), "--index", index);
      indexing.requireApart(hadoop, "--index", index);
      OutputOptions.requireNoFile(hadoop, "--index", index);
    }
    OutputOptions.requireNoFile(hadoop, "--output", output);
    Dataset<Row> rows = files.read(spark);
    if (!stream.isOn()) {
      files.checkQuotes(rows);
    }
    Dataset<Row> asked = asked(files, rows);
    generation.apply(spark);
    GemmaConf conf = conf(spark);
    spark.sparkContext().setLocalProperty(SuspectRows.ID_COLUMN, "question_id");
    PassageIndex passages = new PassageIndex(spark, conf, index != null ? index : new Path(output, INDEX).toString());
    FileSystem fileSystem = new Path(output).getFileSystem(spark.sessionState().newHadoopConf());
    String runId = RunReport.newRunId();
    try (FolderLock lock = FolderLock.acquire(fileSystem, new Path(output), "answer", runId)) {
      lock.whenLost(() -> spark.sparkContext().cancelAllJobs());
      AnswerFolder folder = new AnswerFolder(spark, fileSystem, new Path(output), lock);
      if (stream.isOn()) {
        folder.requireStream();
      } else {
        folder.requireOurs(mode == OutputOptions.Mode.ERRORIFEXISTS);
        if (hasId(rows)) {
          checkIds(asked);
        }
      }
      if (indexing.hasDocuments()) {
        indexing.update(spark, conf, passages, out);
      }
      if (stream.isOn()) {
        Dataset<Row> coming = files.readStream(spark, rows.schema(), stream.maxFiles());
        stream.forEachBatch(asked(files, coming), batchWriter(spark, conf, passages));
        out.printf(Locale.ROOT, "all files that had come are done, written to %s%n", output);
        return;
      }
      folder.recover();
      report(answer(spark, conf, passages, folder, runId, asked, out), out);
    }
  }

  private AnswerRun.Counts answer(
      SparkSession spark, GemmaConf conf, PassageIndex passages, AnswerFolder folder, String runId, Dataset<Row> asked, PrintWriter out)
      throws Exception {
    IndexManifest manifest = passages.newest();
    try (VersionLease _ = passages.lease(manifest, runId)) {
      Answering answering = answering(spark, conf, passages, manifest, runId);
      Dataset<Row> found = retrieve(answering, asked).persist(StorageLevel.MEMORY_AND_DISK());
      try {
        return new AnswerRun(spark, conf, answering, folder, runId, failThreshold()).run(found, out);
      } finally {
        found.unpersist();
      }
    }
  }

  /** Questions, as {@link Answering} takes them. */
  private Dataset<Row> asked(InputFiles files, Dataset<Row> rows) {
    String column = questionColumn != null ? questionColumn : files.format() == InputFiles.Format.TEXT ? "value" : "question";
    Dataset<Row> readable = rows.drop(InputFiles.CORRUPT);
    InputFiles.requireColumn(readable, "--question-column", column, DataTypes.StringType);
    if (idColumn != null) {
      InputFiles.requireColumn(readable, "--id-column", idColumn, null);
    }
    Column question = BatchApplication.column(column);
    Column problem = functions.coalesce(functions.col(InputFiles.UNREAD), functions.when(question.isNull(), NO_QUESTION));
    return files.withUnread(rows, List.of(column))
        .select(
            (hasId(rows) ? BatchApplication.column(idColumn != null ? idColumn : "id") : question).cast("string").as("question_id"),
            question.as("question"),
            problem.as("problem"));
  }

  private boolean hasId(Dataset<Row> rows) {
    return idColumn != null || Arrays.asList(rows.columns()).contains("id");
  }

  /** Equal questions may share an id: they have equal answers. Rows that could not be read are errors of their own. */
  private void checkIds(Dataset<Row> asked) {
    // of numbers, which are compared in one pass without being sorted
    Column hash = functions.xxhash64(functions.col("question"));
    List<Row> wrong =
        asked.where(functions.col("problem").isNull().or(functions.col("problem").equalTo(NO_QUESTION)))
            .groupBy("question_id")
            .agg(functions.count(functions.lit(1)), functions.min(hash).as("first"), functions.max(hash).as("last"))
            .where("question_id IS NULL OR first <> last")
            .limit(1)
            .collectAsList();
    if (!wrong.isEmpty()) {
      throw new UsageException(
          String.format(
              Locale.ROOT,
              "The column '%s' (--id-column) is %s; every question needs an id of its own",
              idColumn != null ? idColumn : "id",
              wrong.getFirst().isNullAt(0)
                  ? String.format(Locale.ROOT, "NULL in %,d rows", wrong.getFirst().getLong(1))
                  : String.format(Locale.ROOT, "'%s' in %,d rows with different questions", wrong.getFirst().getString(0), wrong.getFirst().getLong(1))));
    }
  }

  private Answering answering(SparkSession spark, GemmaConf conf, PassageIndex passages, IndexManifest manifest, String runId) {
    passages.requireRules(manifest);
    Map<String, Object> arguments = new LinkedHashMap<>(generation.arguments());
    return new Answering(spark, conf, passages, manifest, arguments, (Integer) arguments.get("maxTokens"), runId);
  }

  private Dataset<Row> retrieve(Answering answering, Dataset<Row> asked) {
    return answering.evidence(answering.retrieve(asked, topK, k1, b));
  }

  /** A batch of a stream has a folder of its own, which is written again if the batch is. */
  private VoidFunction2<Dataset<Row>, Long> batchWriter(SparkSession spark, GemmaConf conf, PassageIndex passages) {
    return (batch, id) -> {
      String runId = RunReport.newRunId();
      IndexManifest manifest = passages.newest();
      String folder = new Path(output, "batch_id=" + id).toString();
      try (VersionLease _ = passages.lease(manifest, runId)) {
        Answering answering = answering(spark, conf, passages, manifest, runId);
        Dataset<Row> evidence = retrieve(answering, batch);
        answering.finish(answering.ask(Partitions.spreadStream(evidence, conf, spark))).write().mode("overwrite").parquet(folder);
      }
      Row counts = spark.read().parquet(folder).agg(functions.count("error"), functions.count(functions.lit(1))).first();
      if (failThreshold().isExceeded(counts.getLong(0), counts.getLong(1))) {
        throw new GemmaException(
            failThreshold().sentence(counts.getLong(0), counts.getLong(1), "questions of a batch failed")
                + "; the column 'error' of " + folder + " says why, and the next run does the batch again");
      }
    };
  }

  private void report(AnswerRun.Counts counts, PrintWriter out) {
    out.printf(
        Locale.ROOT,
        "%,d questions: %,d answered, %,d without evidence, %,d failed; the model was asked %,d times, %,d were known; written to %s%n",
        counts.questions(), counts.answered(), counts.noEvidence(), counts.failed(), counts.asked(), counts.known(), output);
  }
}
