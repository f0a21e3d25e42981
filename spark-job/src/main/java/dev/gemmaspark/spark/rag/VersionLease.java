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
 * What a run that was killed left here is removed by the next that takes a lease of the version, or that updates the index. Ages are differences of what the index's own file system says, so that no two clocks are compared. Who may not write to the index reads
 * it without a lease.
 */
public final class VersionLease implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(VersionLease.class);
  private static final String READERS = "readers";
  private static final Duration LONGEST_SILENCE = Duration.ofMinutes(10);

  private final FileSystem fileSystem;
  private final Path reader;
  private final Optional<FolderLock> lock;

  private VersionLease(FileSystem fileSystem, Path reader, Optional<FolderLock> lock) {
    this.fileSystem = fileSystem;
    this.reader = reader;
    this.lock = lock;
  }

  /** @param version its folder */
  static VersionLease take(FileSystem fileSystem, Path version, String runId) {
    Path reader = new Path(new Path(version, READERS), runId);
    try {
      VersionLease lease = new VersionLease(fileSystem, reader, Optional.of(FolderLock.acquire(fileSystem, reader, "answer", runId)));
      removeEnded(fileSystem, version, fileSystem.getFileStatus(new Path(reader, FolderLock.NAME)).getModificationTime());
      return lease;
    } catch (IOException e) {
      LOG.warn("This run cannot write to {}, so this version of the index may be removed while it is read: {}", reader, e.toString());
      return new VersionLease(fileSystem, reader, Optional.empty());
    }
  }

  /**
   * Removes the leases of runs that were killed: whose process is gone, where that can be seen, else that gave no sign for ten minutes.
   *
   * @param now by the clock of the file system, in milliseconds since 1970
   * @return whether a run reads the version
   */
  static boolean removeEnded(FileSystem fileSystem, Path version, long now) throws IOException {
    Path readers = new Path(version, READERS);
    if (!fileSystem.exists(readers)) {
      return false;
    }
    boolean taken = false;
    for (FileStatus reader : fileSystem.listStatus(readers)) {
      if (FolderLock.isHolderDead(fileSystem, reader.getPath()) || now - lastSign(fileSystem, reader) >= LONGEST_SILENCE.toMillis()) {
        fileSystem.delete(reader.getPath(), true);
      } else {
        taken = true;
      }
    }
    removeEmpty(fileSystem, readers);
    return taken;
  }

  /** Of a lease that has no lock yet, or none any more, that of its folder. */
  private static long lastSign(FileSystem fileSystem, FileStatus reader) throws IOException {
    try {
      return fileSystem.getFileStatus(new Path(reader.getPath(), FolderLock.NAME)).getModificationTime();
    } catch (FileNotFoundException e) {
      return reader.getModificationTime();
    }
  }

  private static void removeEmpty(FileSystem fileSystem, Path readers) throws IOException {
    if (fileSystem.exists(readers) && fileSystem.listStatus(readers).length == 0) {
      try {
        // not what is in it, which another run may have put there just now
        fileSystem.delete(readers, false);
      } catch (IOException e) {
        LOG.debug("{} is not empty any more", readers, e);
      }
    }
  }

  @Override
  public void close() throws IOException {
    if (lock.isPresent()) {
      lock.get().close();
      fileSystem.delete(reader, true);
      removeEmpty(fileSystem, reader.getParent());
    }
  }
}
