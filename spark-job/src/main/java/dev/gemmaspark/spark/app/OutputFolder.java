package dev.gemmaspark.spark.app;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.gemmaspark.spark.storage.FolderLock;
import dev.gemmaspark.spark.storage.SmallFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.StructType;

/**
 * The folder that slices are put into: each is written by Spark into a folder of its own, which readers do not see, and its files are moved
 * when Spark has committed them. A slice that was committed and not wholly moved, by a run that was killed just then, is moved by the next.
 *
 * <pre>
 * OUTPUT/part-….parquet            rows
 * OUTPUT/_gemma_slices/RUN/        slices on their way
 * OUTPUT/_gemma_new/               what is to take the place of the rows, or to be added to them: an output folder like this one
 * OUTPUT/_gemma_mended/            rows of files that had failed ones, without those
 * OUTPUT/_gemma_swap.json          that a folder is whole, and which files go when its files come
 * </pre>
 *
 * Nothing is deleted before what takes its place is whole and the swap's file says so; a swap that was begun is ended by the next run,
 * whichever that is. For the holder of the folder's lock alone.
 */
final class OutputFolder {
  private static final String SLICES = "_gemma_slices";
  private static final String NEW = "_gemma_new";
  private static final String MENDED = "_gemma_mended";
  private static final String SWAP = "_gemma_swap.json";
  private static final String SUCCESS = "_SUCCESS";
  private static final String FILE = "_gemma_file";
  private static final String FAILED = "_gemma_failed";
  private static final JsonMapper MAPPER = new JsonMapper();

  private final SparkSession spark;
  private final FolderLock lock;
  private final Path folder;
  private final Path slices;
  private final FileSystem fileSystem;
  private final SmallFile swap;

  /**
   * That the files of a folder take the place of others.
   *
   * @param from the folder's name
   * @param replaced the others' names
   * @param success whether all is there then
   */
  private record Swap(String from, List<String> replaced, boolean success) {}

  OutputFolder(String path, SparkSession spark, FolderLock lock) throws IOException {
    this.spark = spark;
    this.lock = lock;
    this.folder = new Path(path);
    this.slices = new Path(folder, SLICES);
    this.fileSystem = folder.getFileSystem(spark.sessionState().newHadoopConf());
    this.swap = new SmallFile(fileSystem, new Path(folder, SWAP));
  }

  String path() {
    return folder.toString();
  }

  /** Where rows grow that are to come into this folder all at once. */
  OutputFolder staged() throws IOException {
    return new OutputFolder(new Path(folder, NEW).toString(), spark, lock);
  }

  /** Makes the folder ready, and takes up what an earlier run left on its way. */
  void open() throws IOException {
    lock.requireHeld();
    fileSystem.mkdirs(folder);
    finishSwap();
    fileSystem.delete(new Path(folder, SUCCESS), false);
    fileSystem.delete(new Path(folder, MENDED), true);
    if (fileSystem.exists(slices)) {
      for (FileStatus run : fileSystem.listStatus(slices)) {
        for (FileStatus slice : fileSystem.listStatus(run.getPath())) {
          if (fileSystem.exists(new Path(slice.getPath(), SUCCESS))) {
            move(slice.getPath());
          }
        }
      }
      fileSystem.delete(slices, true);
    }
  }

  void delete() throws IOException {
    lock.requireHeld();
    fileSystem.delete(folder, true);
  }

  /** Where Spark is to write a slice of this run. */
  String slice(int number) {
    return new Path(new Path(slices, lock.runId()), String.format(Locale.ROOT, "slice-%05d", number)).toString();
  }

  /** Puts a slice that Spark has committed among the others. */
  void move(int number) throws IOException {
    lock.requireHeld();
    move(new Path(slice(number)));
  }

  private void move(Path from) throws IOException {
    for (FileStatus file : fileSystem.listStatus(from)) {
      if (file.isFile() && isData(file)) {
        move(file, new Path(folder, file.getPath().getName()));
      }
    }
    fileSystem.delete(from, true);
  }

  /** Spark never gives a name twice, so what has the file's name is the file, whole or not, of a move that was ended between copying and deleting. */
  private void move(FileStatus file, Path target) throws IOException {
    if (fileSystem.exists(target)) {
      if (fileSystem.getFileStatus(target).getLen() == file.getLen()) {
        fileSystem.delete(file.getPath(), false);
        return;
      }
      fileSystem.delete(target, false);
    }
    if (!fileSystem.rename(file.getPath(), target)) {
      throw new IOException("cannot move " + file.getPath() + " to " + folder);
    }
  }

  /** What is in it and no run has written: none of its own files, or rows without a report. */
  Optional<String> foreign() throws IOException {
    return foreign(file -> true);
  }

  private Optional<String> foreign(Predicate<FileStatus> which) throws IOException {
    boolean reported = report().isPresent() || staged().report().isPresent();
    return Arrays.stream(fileSystem.listStatus(folder))
        .filter(which)
        .filter(file -> !isOurs(file) || (isData(file) && !reported))
        .map(file -> file.getPath().getName())
        .findFirst();
  }

  /** As {@link #foreign}, of files that readers do not skip. */
  Optional<String> foreignData() throws IOException {
    return foreign(OutputFolder::isData);
  }

  private static boolean isOurs(FileStatus file) {
    String name = file.getPath().getName();
    return name.startsWith("_gemma") || name.equals(SUCCESS) || (file.isFile() && (name.startsWith("part-") || name.endsWith(".crc")));
  }

  private static boolean isData(FileStatus file) {
    return !file.getPath().getName().startsWith("_") && !file.getPath().getName().startsWith(".");
  }

  /** Whether there is a row in it. */
  boolean hasRows() throws IOException {
    if (!fileSystem.exists(folder)) {
      return false;
    }
    for (FileStatus file : fileSystem.listStatus(folder)) {
      if (file.isFile() && file.getPath().getName().endsWith(".parquet")) {
        return true;
      }
    }
    return false;
  }

  /** The columns of its rows; nothing where a stream was killed before it had committed any. */
  Optional<StructType> schema() {
    try {
      return Optional.of(rows().schema());
    } catch (Exception e) {
      // checked, which Scala does not declare
      if (e instanceof AnalysisException none && "UNABLE_TO_INFER_SCHEMA".equals(none.getCondition())) {
        return Optional.empty();
      }
      throw e;
    }
  }

  Dataset<Row> rows() {
    return spark.read().parquet(folder.toString());
  }

  /** Takes out all rows of ids of which a row has failed, so that they can be done again. */
  void dropFailed(Column id) throws IOException {
    Dataset<Row> rows = rows().withColumn(FILE, functions.col("_metadata.file_name"));
    Dataset<Row> failed = rows.where("error IS NOT NULL").select(id.as(FAILED)).distinct();
    List<String> files =
        rows.join(failed, id.eqNullSafe(functions.col(FAILED)), "left_semi").select(FILE).distinct().collectAsList().stream().map(row -> row.getString(0)).toList();
    if (files.isEmpty()) {
      return;
    }
    String[] paths = files.stream().map(file -> new Path(folder, file).toString()).toArray(String[]::new);
    spark.read().parquet(paths).join(failed, id.eqNullSafe(functions.col(FAILED)), "left_anti").write().mode("overwrite").parquet(new Path(folder, MENDED).toString());
    swap(new Swap(MENDED, files, false));
  }

  /** Puts what is {@link #staged}, which is whole, in the place of all that is here. */
  void replace() throws IOException {
    List<String> replaced = new ArrayList<>();
    for (FileStatus file : fileSystem.listStatus(folder)) {
      String name = file.getPath().getName();
      if (isOurs(file) && !name.equals(NEW) && !name.startsWith(SWAP) && !name.startsWith(RunReport.NAME) && !name.startsWith(FolderLock.NAME)) {
        replaced.add(name);
      }
    }
    swap(new Swap(NEW, replaced, true));
  }

  /** Puts what is {@link #staged}, which is whole, beside all that is here. */
  void add() throws IOException {
    swap(new Swap(NEW, List.of(), true));
  }

  private void swap(Swap what) throws IOException {
    lock.requireHeld();
    swap.write(MAPPER.writeValueAsBytes(what));
    finishSwap();
  }

  /**
   * Ends a swap that was begun, by this run or another; each step may have been done before.
   *
   * @return the report of the run whose output is in its place now, if there was one
   */
  Optional<RunReport> finishSwap() throws IOException {
    Optional<byte[]> json = swap.read();
    if (json.isEmpty()) {
      return Optional.empty();
    }
    Swap what = MAPPER.readValue(json.get(), Swap.class);
    Path from = new Path(folder, what.from);
    fileSystem.delete(new Path(folder, SUCCESS), false);
    if (fileSystem.exists(from)) {
      for (FileStatus file : fileSystem.listStatus(from)) {
        if (file.isFile() && isData(file)) {
          move(file, new Path(folder, file.getPath().getName()));
        }
      }
    }
    for (String name : what.replaced) {
      fileSystem.delete(new Path(folder, name), true);
    }
    Optional<RunReport> report = fileSystem.exists(from) ? RunReport.read(fileSystem, from) : Optional.empty();
    if (report.isPresent()) {
      report.get().write(fileSystem, folder);
    }
    fileSystem.delete(from, true);
    if (what.success) {
      fileSystem.create(new Path(folder, SUCCESS), true).close();
    }
    swap.delete();
    return report.isPresent() || !what.success ? report : report();
  }

  Optional<RunReport> report() throws IOException {
    return fileSystem.exists(folder) ? RunReport.read(fileSystem, folder) : Optional.empty();
  }

  void write(RunReport report) throws IOException {
    lock.requireHeld();
    report.write(fileSystem, folder);
  }

  /** Says that all is there. */
  void succeed() throws IOException {
    lock.requireHeld();
    fileSystem.delete(slices, true);
    fileSystem.create(new Path(folder, SUCCESS), true).close();
  }
}
