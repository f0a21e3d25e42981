package dev.gemmaspark.spark.app;

import java.io.IOException;
import java.util.Locale;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.SparkSession;

/**
 * The folder that slices are put into: each is written by Spark into a folder of its own, which readers do not see, and its files are moved
 * when Spark has committed them. A slice that was committed and not wholly moved, by a run that was killed just then, is moved by the next.
 */
final class OutputFolder {
  private static final String SLICES = "_gemma_slices";
  private static final String SUCCESS = "_SUCCESS";

  private final Path folder;
  private final Path slices;
  private final FileSystem fileSystem;

  OutputFolder(String path, SparkSession spark) throws IOException {
    this.folder = new Path(path);
    this.slices = new Path(folder, SLICES);
    this.fileSystem = folder.getFileSystem(spark.sessionState().newHadoopConf());
  }

  /** Makes the folder ready: empty if asked, and without what an earlier run left on its way. */
  void open(boolean empty) throws IOException {
    if (empty) {
      fileSystem.delete(folder, true);
    }
    fileSystem.mkdirs(folder);
    fileSystem.delete(new Path(folder, SUCCESS), false);
    if (fileSystem.exists(slices)) {
      for (FileStatus slice : fileSystem.listStatus(slices)) {
        if (fileSystem.exists(new Path(slice.getPath(), SUCCESS))) {
          move(slice.getPath());
        }
      }
      fileSystem.delete(slices, true);
    }
  }

  /** Where Spark is to write a slice. */
  String slice(int number) {
    return new Path(slices, String.format(Locale.ROOT, "slice-%05d", number)).toString();
  }

  /** Puts a slice that Spark has committed among the others. */
  void move(int number) throws IOException {
    move(new Path(slice(number)));
  }

  private void move(Path slice) throws IOException {
    for (FileStatus file : fileSystem.listStatus(slice)) {
      if (file.isFile() && !file.getPath().getName().startsWith("_") && !fileSystem.rename(file.getPath(), new Path(folder, file.getPath().getName()))) {
        throw new IOException("cannot move " + file.getPath() + " to " + folder);
      }
    }
    fileSystem.delete(slice, true);
  }

  /** Whether there is a row in it. */
  boolean hasRows() throws IOException {
    for (FileStatus file : fileSystem.listStatus(folder)) {
      if (file.isFile() && file.getPath().getName().endsWith(".parquet")) {
        return true;
      }
    }
    return false;
  }

  void write(RunReport report) throws IOException {
    report.write(fileSystem, folder);
  }

  /** Says that all is there. */
  void succeed() throws IOException {
    fileSystem.delete(slices, true);
    fileSystem.create(new Path(folder, SUCCESS), true).close();
  }
}
