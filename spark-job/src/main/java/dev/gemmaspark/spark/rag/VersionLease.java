package dev.gemmaspark.spark.rag;

import dev.gemmaspark.spark.storage.FolderLock;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A run's word that it reads a version of an index: {@link PassageIndex#update} leaves that version and its shards where they are until the run
 * closes this, or has given no sign for ten minutes. Executors of a run that takes days may so read its shards again at any time, however
 * often the index is made meanwhile, and no version is kept that nobody reads: by age, an index made every hour would keep hundreds.
 *
 * <pre>
 * INDEX/v=3/readers/RUN/_gemma_lock   written anew every few seconds
 * </pre>
 *
 * Ages are differences of what the index's own file system says, so that no two clocks are compared. Who may not write to the index reads
 * it without a lease.
 */
public final class VersionLease implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(VersionLease.class);
  private static final String READERS = "readers";
  private static final Duration LONGEST_SILENCE = Duration.ofMinutes(10);

  private final FileSystem fileSystem;
  private final Path reader;
  private final Path readers;
  private final Optional<FolderLock> lock;

  private VersionLease(FileSystem fileSystem, Path reader, Optional<FolderLock> lock) {
    this.fileSystem = fileSystem;
    this.reader = reader;
    this.readers = reader.getParent();
    this.lock = lock;
  }

  /** @param version its folder */
  static VersionLease take(FileSystem fileSystem, Path version, String runId) {
    Path reader = new Path(new Path(version, READERS), runId);
    try {
      return new VersionLease(fileSystem, reader, Optional.of(FolderLock.acquire(fileSystem, reader, "answer", runId)));
    } catch (IOException e) {
      LOG.warn("This run cannot write to {}, so this version of the index may be removed while it is read: {}", reader, e.toString());
      return new VersionLease(fileSystem, reader, Optional.empty());
    }
  }

  /**
   * Whether a run reads a version.
   *
   * @param now by the clock of the file system, in milliseconds since 1970
   */
  static boolean isTaken(FileSystem fileSystem, Path version, long now) throws IOException {
    Path readers = new Path(version, READERS);
    if (!fileSystem.exists(readers)) {
      return false;
    }
    for (FileStatus reader : fileSystem.listStatus(readers)) {
      try {
        long sign = fileSystem.getFileStatus(new Path(reader.getPath(), FolderLock.NAME)).getModificationTime();
        if (now - sign < LONGEST_SILENCE.toMillis()) {
          return true;
        }
      } catch (FileNotFoundException e) {
        // it has just ended
        continue;
      }
    }
    return false;
  }

  @Override
  public void close() throws IOException {
    if (lock.isPresent()) {
      lock.get().close();
      fileSystem.delete(reader, true);
      if (fileSystem.exists(readers) && fileSystem.listStatus(readers).length == 0) {
        fileSystem.delete(readers, true);
      }
    }
  }
}
