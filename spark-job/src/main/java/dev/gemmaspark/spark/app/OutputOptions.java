package dev.gemmaspark.spark.app;

import dev.gemmaspark.spark.storage.FolderLock;
import dev.gemmaspark.spark.storage.SmallFile;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.util.Arrays;
import java.util.Locale;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.security.AccessControlException;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Option;

/** Where rows go: Parquet. */
final class OutputOptions {
  enum Mode {
    ERRORIFEXISTS,
    OVERWRITE,
    APPEND,
    RESUME
  }

  @Option(names = "--output", paramLabel = "PATH", required = true, description = "Folder of Parquet files to write.")
  private String path;

  @Option(
      names = "--mode",
      paramLabel = "M",
      defaultValue = "errorifexists",
      description = {
        "If there is output already: errorifexists, overwrite, append, or resume (default: ${DEFAULT-VALUE}).",
        "resume goes on with a job that ended early: rows whose id is in the output are not done again, but for those that failed."
      })
  private Mode mode;

  String path() {
    return path;
  }

  Mode mode() {
    return mode;
  }

  /**
   * Looks for output before any work is done.
   *
   * @return whether there is any
   */
  boolean check(SparkSession spark, OutputFolder folder, boolean stream) throws IOException {
    Path place = new Path(path);
    FileSystem fileSystem = place.getFileSystem(spark.sessionState().newHadoopConf());
    boolean ofStream = fileSystem.exists(new Path(place, StreamOptions.LOG)) || fileSystem.exists(new Path(place, StreamOptions.QUERY));
    boolean exists =
        Arrays.stream(fileSystem.listStatus(place))
            .map(file -> file.getPath().getName())
            .anyMatch(name -> !name.startsWith(FolderLock.NAME) && !SmallFile.isUnfinished(name));
    if (exists && ofStream != stream) {
      throw new UsageException(
          String.format(
              Locale.ROOT,
              "The output at %s was written %s, and %s; name another --output",
              path,
              stream ? "by a job without --stream" : "with --stream",
              mode == Mode.OVERWRITE ? "is not taken for old output of this one" : "readers would not see both"));
    }
    if (mode == Mode.ERRORIFEXISTS && exists && !stream) {
      // what is staged is whole when it has come into the folder, not before
      boolean unfinished = folder.report().filter(report -> !report.isFinished()).isPresent() || folder.staged().report().isPresent();
      throw new UsageException(
          String.format(
              Locale.ROOT,
              "There is output at %s already%s; name another --output, or say --mode overwrite or append",
              path,
              unfinished ? ", of a run that did not finish (--mode resume goes on with it)" : ""));
    }
    if (mode == Mode.APPEND && exists && folder.report().filter(report -> !report.isFinished()).isPresent()) {
      throw new UsageException(
          String.format(Locale.ROOT, "The output at %s is of a run that did not finish, and --mode append would make it look whole; --mode resume goes on with it", path));
    }
    if (mode == Mode.APPEND && exists && !stream && folder.foreignData().isPresent()) {
      throw new UsageException(
          String.format(
              Locale.ROOT,
              "There is '%s' at %s, which no run of gemma-spark wrote, and readers would take it for rows of this output; name another --output",
              folder.foreignData().get(),
              path));
    }
    if (mode == Mode.OVERWRITE && exists && folder.foreign().isPresent()) {
      throw new UsageException(
          String.format(
              Locale.ROOT,
              "There is '%s' at %s, which no run of gemma-spark wrote, and --mode overwrite would delete it; name another --output, or move it away",
              folder.foreign().get(),
              path));
    }
    return exists;
  }

  /** Fails for a file where the folder is to be, or on the way to it. */
  void requireNoFile(Configuration hadoop) throws IOException {
    requireNoFile(hadoop, "--output", path);
  }

  static void requireNoFile(Configuration hadoop, String option, String path) throws IOException {
    Path place = new Path(path);
    FileSystem fileSystem = place.getFileSystem(hadoop);
    for (Path at = place; at != null; at = at.getParent()) {
      try {
        if (fileSystem.getFileStatus(at).isDirectory()) {
          return;
        }
      } catch (FileNotFoundException | FileAlreadyExistsException e) {
        // of what is below a file, some file systems say that its parent is no folder
        continue;
      } catch (AccessControlException | AccessDeniedException e) {
        // who may not look there cannot know
        return;
      }
      throw new UsageException(
          String.format(
              Locale.ROOT, at == place ? "There is a file at %1$s; name a folder as %3$s" : "There is a file at %1$s, so there is no folder %2$s; name another as %3$s",
              at, place, option));
    }
  }
}
