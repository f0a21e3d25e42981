package dev.gemmaspark.spark.rag;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps other runs out of a folder, on any file system: a file that its holder writes anew every few seconds. The file of a run that was
 * killed grows old, and then belongs to who comes.
 */
public final class FolderLock implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(FolderLock.class);
  private static final String NAME = "_gemma_lock";
  private static final Duration OLD = Duration.ofSeconds(30);
  private static final Duration BEAT = Duration.ofSeconds(5);

  private final FileSystem fileSystem;
  private final Path file;
  private final byte[] holder;
  private final ScheduledExecutorService beat =
      Executors.newSingleThreadScheduledExecutor(task -> Thread.ofPlatform().daemon().name("gemma-lock").unstarted(task));

  private FolderLock(FileSystem fileSystem, Path file, String holder) {
    this.fileSystem = fileSystem;
    this.file = file;
    this.holder = holder.getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Locks a folder, which is made if it is missing.
   *
   * @param holder who this is, for the message that others get
   * @throws DocumentsException if another run holds it
   */
  public static FolderLock acquire(FileSystem fileSystem, Path folder, String holder) throws IOException {
    fileSystem.mkdirs(folder);
    FolderLock lock = new FolderLock(fileSystem, new Path(folder, NAME), holder);
    try {
      lock.write(false);
    } catch (FileAlreadyExistsException e) {
      lock.takeOver(e);
    }
    lock.beat.scheduleAtFixedRate(lock::beat, BEAT.toMillis(), BEAT.toMillis(), TimeUnit.MILLISECONDS);
    return lock;
  }

  private void takeOver(IOException cause) throws IOException {
    Duration age = Duration.ofMillis(System.currentTimeMillis() - fileSystem.getFileStatus(file).getModificationTime());
    if (age.compareTo(OLD) < 0) {
      String other;
      try (InputStream in = fileSystem.open(file)) {
        other = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      }
      throw new DocumentsException(
          String.format(Locale.ROOT, "Another run is at work in %s: %s. Let it end; if it was killed, try again in %d seconds",
              file.getParent(), other, OLD.minus(age).toSeconds() + 1),
          cause);
    }
    LOG.warn("A run that was killed left its lock {}; it is taken over", file);
    fileSystem.delete(file, false);
    write(false);
  }

  private void write(boolean overwrite) throws IOException {
    try (OutputStream out = fileSystem.create(file, overwrite)) {
      out.write(holder);
    }
  }

  private void beat() {
    try {
      write(true);
    } catch (IOException e) {
      LOG.warn("The lock {} could not be written: {}", file, e.toString());
    }
  }

  @Override
  public void close() throws IOException {
    beat.shutdownNow();
    try {
      beat.awaitTermination(BEAT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    fileSystem.delete(file, false);
  }
}
