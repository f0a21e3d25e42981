package dev.gemmaspark.spark.app;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.gemmaspark.spark.storage.FolderLock;
import dev.gemmaspark.spark.storage.SmallFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Where answers are:
 *
 * <pre>
 * OUTPUT/part-RUN-….parquet   the answers to the questions of the last run that ended well
 * OUTPUT/_gemma_said/         what the model said, by what it was asked: of this run and, where it is still of use, of earlier ones
 * OUTPUT/_gemma_new-RUN/      answers that will take the place of those of the run before
 * OUTPUT/_gemma_used-RUN/     what was said and is of use, on its way to _gemma_said
 * OUTPUT/_gemma_answers.json  what the last run was
 * OUTPUT/_SUCCESS             that it ended well
 * </pre>
 *
 * The model is asked once: what it says lies in {@code _gemma_said} as soon as Spark has committed a slice, and is removed when a copy is there.
 * Answers are replaced when all new ones are written: what a run that was killed just then had left is done by {@link #recover}. For one run
 * at a time.
 */
final class AnswerFolder {
  private static final String SAID = "_gemma_said";
  private static final String NEW = "_gemma_new-";
  private static final String USED = "_gemma_used-";
  private static final String REPORT = "_gemma_answers.json";
  private static final String SUCCESS = "_SUCCESS";
  private static final String PART = "part-";

  private final SparkSession spark;
  private final FileSystem fileSystem;
  private final Path folder;
  private final Path said;
  private final FolderLock lock;
  private final String runId;

  /** @param lock of the folder, whose run is in the names of files */
  AnswerFolder(SparkSession spark, FileSystem fileSystem, Path folder, FolderLock lock) {
    this.spark = spark;
    this.fileSystem = fileSystem;
    this.folder = folder;
    this.said = new Path(folder, SAID);
    this.lock = lock;
    this.runId = lock.runId();
  }

  /**
   * Fails for a folder that other files are in.
   *
   * @param fresh whether there may be no answers either
   */
  void requireOurs(boolean fresh) throws IOException {
    boolean ours = hasAnswers();
    if (ours && fresh) {
      throw new UsageException("There are answers at " + folder + " already; name another --output, or say --mode overwrite");
    }
    for (FileStatus file : fileSystem.listStatus(folder)) {
      String name = file.getPath().getName();
      if (!ours && !name.startsWith("_") && !name.startsWith(".")) {
        throw new UsageException("There are files at " + folder + " that 'answer' did not write; name another --output");
      }
    }
  }

  /** Fails for a folder with the answers of a run without --stream, whose files would hide those of batches, and the other way round. */
  void requireStream() throws IOException {
    if (hasAnswers()) {
      throw new UsageException("There are answers of a run without --stream at " + folder + "; name another --output");
    }
  }

  private boolean hasAnswers() throws IOException {
    return fileSystem.exists(said) || new SmallFile(fileSystem, new Path(folder, REPORT)).exists();
  }

  /** Ends what a run that was killed had begun: answers that were whole take their place, others are removed. */
  void recover() throws IOException {
    for (FileStatus left : fileSystem.listStatus(folder, path -> path.getName().startsWith(NEW) || path.getName().startsWith(USED))) {
      if (left.getPath().getName().startsWith(NEW) && fileSystem.exists(new Path(left.getPath(), SUCCESS))) {
        replace(left.getPath());
      } else {
        fileSystem.delete(left.getPath(), true);
      }
    }
  }

  /** The slices of what the model says. */
  OutputFolder slices() throws IOException {
    return new OutputFolder(said.toString(), spark, lock);
  }

  /** All that the model has said, also that it failed; without columns if it was never asked. */
  Dataset<Row> said() throws IOException {
    return parts(said).isEmpty() ? spark.createDataFrame(List.of(), Answering.RESULT) : spark.read().parquet(said.toString());
  }

  /** Puts answers in the place of those of the run before. */
  void write(Dataset<Row> answers) throws IOException {
    Path fresh = new Path(folder, NEW + runId);
    answers.coalesce(Math.max(1, spark.sparkContext().defaultParallelism())).write().parquet(fresh.toString());
    replace(fresh);
  }

  private void replace(Path fresh) throws IOException {
    lock.requireHeld();
    String run = fresh.getName().substring(NEW.length());
    fileSystem.delete(new Path(folder, SUCCESS), false);
    for (Path old : parts(folder)) {
      if (!old.getName().startsWith(PART + run)) {
        fileSystem.delete(old, false);
      }
    }
    move(fresh, folder, run);
    fileSystem.delete(fresh, true);
  }

  /** Of the answers. */
  Dataset<Row> answers() {
    return spark.read().parquet(folder.toString());
  }

  /**
   * Drops what the model said to what nobody asks any more.
   *
   * @param keys of what is asked
   */
  void keep(Dataset<Row> keys) throws IOException {
    List<Path> old = parts(said);
    if (old.isEmpty()) {
      return;
    }
    Dataset<Row> all = said();
    Dataset<Row> used = all.where("error IS NULL").dropDuplicates("key").join(keys.distinct(), key(), "left_semi");
    if (used.count() == all.count()) {
      return;
    }
    Path fresh = new Path(folder, USED + runId);
    used.coalesce(Math.max(1, spark.sparkContext().defaultParallelism())).write().parquet(fresh.toString());
    lock.requireHeld();
    move(fresh, said, runId);
    // only now, for it was paid for
    for (Path file : old) {
      fileSystem.delete(file, false);
    }
    fileSystem.delete(fresh, true);
  }

  private void move(Path from, Path to, String run) throws IOException {
    for (Path part : parts(from)) {
      Path target = new Path(to, PART + run + part.getName().substring(PART.length() - 1));
      // on a store that copies, a run that was killed in between leaves both
      fileSystem.delete(target, false);
      if (!fileSystem.rename(part, target)) {
        throw new IOException("cannot move " + part + " to " + target);
      }
    }
  }

  private List<Path> parts(Path place) throws IOException {
    List<Path> parts = new ArrayList<>();
    if (fileSystem.exists(place)) {
      for (FileStatus file : fileSystem.listStatus(place)) {
        if (file.isFile() && file.getPath().getName().startsWith(PART)) {
          parts.add(file.getPath());
        }
      }
    }
    return parts;
  }

  static scala.collection.immutable.Seq<String> key() {
    return CollectionConverters.asScala(List.of("key")).toSeq();
  }

  /** Says that all is there. */
  void succeed(Map<String, Object> report) throws IOException {
    new SmallFile(fileSystem, new Path(folder, REPORT)).write(new JsonMapper().writerWithDefaultPrettyPrinter().writeValueAsBytes(report));
    fileSystem.create(new Path(folder, SUCCESS), true).close();
  }

  @Override
  public String toString() {
    return folder.toString();
  }
}
