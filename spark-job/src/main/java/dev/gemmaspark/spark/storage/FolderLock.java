package dev.gemmaspark.spark.storage;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps other runs out of a folder: a file that says whose the folder is, with a number that its holder counts up every few seconds, the
 * beat. Who comes watches the number by a clock of its own, so that no two clocks are compared: if it changes, the holder lives; if it
 * stands still for half a minute, the lock is free. On the holder's own machine a look at its process says so at once.
 *
 * <p>A lock that is free is renamed, which one of several can do, then looked at whether it is the one that was watched, then made anew and
 * read back. This rests on a file system that makes a file for one of several that try, and renames in one step: local ones and HDFS do.
 * Object stores such as S3A do neither; there the reading back, half a second later, keeps apart what did not begin at the same moment,
 * and two that did may both go on until the next beat of one. A holder that was taken for dead (its machine slept, say) finds that at its
 * next beat or before its next commit, whichever comes first: {@link #requireHeld} belongs before whatever cannot be undone. Safe for
 * several threads; who acquires it closes it.
 */
public final class FolderLock implements AutoCloseable {
  /** Of its file; hidden to Spark's readers. */
  public static final String NAME = "_gemma_lock";

  private static final Logger LOG = LoggerFactory.getLogger(FolderLock.class);
  private static final int MOST_REFUSALS = 3;

  private final FileSystem fileSystem;
  private final Path file;
  private final Timing timing;
  private final boolean madeFolder;
  private final String key = UUID.randomUUID().toString();
  private final ScheduledExecutorService beats =
      Executors.newSingleThreadScheduledExecutor(task -> Thread.ofPlatform().daemon().name("gemma-lock").unstarted(task));
  private LockHolder holder;
  private boolean lost;
  private int refusals;

  /** That our last writing of the file has failed, and may have left anything in it. */
  private boolean halfWritten;
  private Runnable whenLost = () -> {};

  /**
   * How long things take.
   *
   * @param beat between two beats
   * @param lease without a beat after which a lock is free
   * @param settle until a file that was made can be read back, where two may have made it at the same moment
   */
  record Timing(Duration beat, Duration lease, Duration settle) {
    static final Timing DEFAULT = new Timing(Duration.ofSeconds(5), Duration.ofSeconds(30), Duration.ofMillis(500));
  }

  private FolderLock(FileSystem fileSystem, Path folder, String application, String runId, Timing timing, boolean madeFolder) {
    this.fileSystem = SmallFile.unchecked(fileSystem);
    this.file = new Path(folder, NAME);
    this.timing = timing;
    this.madeFolder = madeFolder;
    this.holder = LockHolder.current(application, runId, key);
  }

  /**
   * Locks a folder, which is made if it is missing. If a run that was killed left its lock, this waits until that is sure.
   *
   * @param application of this run, for the message that others get
   * @param runId of this run
   * @throws FolderInUseException if another run holds it
   */
  public static FolderLock acquire(FileSystem fileSystem, Path folder, String application, String runId) throws IOException {
    return acquire(fileSystem, folder, application, runId, Timing.DEFAULT);
  }

  static FolderLock acquire(FileSystem fileSystem, Path folder, String application, String runId, Timing timing) throws IOException {
    boolean made = !fileSystem.exists(folder);
    FolderLock lock = new FolderLock(fileSystem, folder, application, runId, timing, made);
    while (!lock.create()) {
      Optional<String> seen = lock.text(lock.file);
      if (seen.isEmpty()) {
        lock.waitForText();
      } else if (!lock.isOurs(seen.get()) && lock.isFree(seen.get())) {
        lock.setAside(seen.get());
      }
    }
    lock.beats.scheduleWithFixedDelay(lock::beat, timing.beat.toMillis(), timing.beat.toMillis(), TimeUnit.MILLISECONDS);
    return lock;
  }

  /** Whether the run that has a folder's lock is dead for sure, which its own machine alone can see. */
  public static boolean isHolderDead(FileSystem fileSystem, Path folder) throws IOException {
    return text(SmallFile.unchecked(fileSystem), new Path(folder, NAME)).flatMap(LockHolder::of).filter(holder -> holder.life() == LockHolder.Life.DEAD).isPresent();
  }

  /** After it could not be made and is not there to be read: it went away in the meantime, or nobody may read it. */
  private void waitForText() throws IOException {
    if (++refusals >= MOST_REFUSALS) {
      throw new IOException(
          String.format(Locale.ROOT, "The lock %s is there and cannot be read: see whose it is and who may read it, or remove it if no run is at work", file));
    }
    sleep(timing.settle);
  }

  /** Tries to make the file; whether it is there, and ours: also if another took ours for a dead one's, and has put it back. */
  private boolean create() throws IOException {
    fileSystem.mkdirs(file.getParent());
    OutputStream out;
    try {
      out = newFile();
    } catch (FileAlreadyExistsException | java.nio.file.FileAlreadyExistsException e) {
      return isHeld();
    } catch (IOException e) {
      if (!fileSystem.exists(file.getParent()) && ++refusals < MOST_REFUSALS) {
        // one that has just ended took the folder with it
        return false;
      }
      if (text(file).filter(text -> !isOurs(text)).isPresent()) {
        // another is just making it
        return false;
      }
      throw e;
    }
    try (out) {
      out.write(holder.bytes());
    } catch (IOException e) {
      // on a full disk, say: what is left of it is of no run
      fileSystem.delete(file, false);
      throw e;
    }
    if (!isLocal()) {
      sleep(timing.settle);
    }
    if (!isHeld()) {
      // one that takes ours for a dead one's puts it back
      sleep(timing.settle);
    }
    return isHeld();
  }

  private boolean isHeld() throws IOException {
    return text(file).filter(this::isOurs).isPresent();
  }

  /** Makes the file for this run alone; of local files Hadoop's own way looks first and writes then. */
  private OutputStream newFile() throws IOException {
    return isLocal()
        ? Files.newOutputStream(java.nio.file.Path.of(file.toUri().getPath()), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)
        : fileSystem.create(file, false);
  }

  private boolean isLocal() {
    return "file".equals(fileSystem.getUri().getScheme());
  }

  /** Whether the holder of a lock is dead: by its process, else by watching it. */
  private boolean isFree(String seen) throws IOException {
    Optional<LockHolder> other = LockHolder.of(seen);
    switch (other.map(LockHolder::life).orElse(LockHolder.Life.UNKNOWN)) {
      case ALIVE -> throw inUse(other);
      case DEAD -> {
        LOG.warn("A run that was killed left its lock {} ({}); it is taken over", file, other.get());
        return true;
      }
      case UNKNOWN -> LOG.warn("There is a lock {} ({}); waiting up to {} s whether its run is alive", file, text(other), timing.lease.toSeconds());
    }
    long start = System.nanoTime();
    while (System.nanoTime() - start < timing.lease.toNanos()) {
      sleep(timing.beat.dividedBy(4));
      Optional<String> now = text(file);
      if (now.isEmpty()) {
        return false;
      }
      if (!now.get().equals(seen)) {
        throw inUse(LockHolder.of(now.get()).or(() -> other));
      }
    }
    LOG.warn("The run of the lock {} gave no sign for {} s; it is taken over", file, timing.lease.toSeconds());
    return true;
  }

  private FolderInUseException inUse(Optional<LockHolder> other) {
    return new FolderInUseException(
        String.format(Locale.ROOT, "Another run is at work in %s: %s. Wait for its end, or name another folder", file.getParent(), text(other)));
  }

  private static String text(Optional<LockHolder> other) {
    return other.map(LockHolder::toString).orElse("it does not say which");
  }

  /** Takes a free lock away; of several that try, one does. */
  private void setAside(String seen) throws IOException {
    Path aside = file.suffix("." + key);
    if (!seen.equals(text(file).orElse(null))) {
      return;
    }
    if (!rename(file, aside)) {
      if (seen.equals(text(file).orElse(null)) && ++refusals >= MOST_REFUSALS) {
        throw new IOException(
            String.format(Locale.ROOT, "The lock %s of a run that is dead cannot be taken over: it cannot be renamed; see who may write to its folder, or remove it", file));
      }
      sleep(timing.settle);
      return;
    }
    if (!seen.equals(text(aside).orElse(null)) && !fileSystem.exists(file) && rename(aside, file)) {
      // it was not the one that was watched: another had taken that over in the meantime, and has its own back
      return;
    }
    fileSystem.delete(aside, false);
  }

  private boolean rename(Path from, Path to) throws IOException {
    try {
      return fileSystem.rename(from, to);
    } catch (FileNotFoundException e) {
      return false;
    }
  }

  /** Removes what was left by runs that were killed while they took the folder over. */
  private void removeOldLocks() throws IOException {
    for (FileStatus old : fileSystem.listStatus(file.getParent(), path -> path.getName().startsWith(NAME + "."))) {
      fileSystem.delete(old.getPath(), false);
    }
  }

  private Optional<String> text(Path path) throws IOException {
    return text(fileSystem, path);
  }

  private static Optional<String> text(FileSystem fileSystem, Path path) throws IOException {
    try (InputStream in = fileSystem.open(path)) {
      return Optional.of(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (FileNotFoundException e) {
      return Optional.empty();
    }
  }

  private boolean isOurs(String text) {
    return LockHolder.of(text).filter(other -> other.key().equals(key)).isPresent();
  }

  private void beat() {
    try {
      requireHeld();
      write();
    } catch (FolderInUseException e) {
      beats.shutdown();
      LOG.error(e.getMessage());
      lostAction().run();
    } catch (IOException | RuntimeException e) {
      // whatever goes out of here ends the beats for good
      LOG.warn("The lock {} could not be written: {}", file, e.toString());
    }
  }

  private synchronized void write() throws IOException {
    holder = holder.next();
    halfWritten = true;
    try (OutputStream out = fileSystem.create(file, true)) {
      out.write(holder.bytes());
    }
    halfWritten = false;
  }

  private synchronized Runnable lostAction() {
    return whenLost;
  }

  /** What is to be done as soon as it is seen that another run has the folder; on a thread of the lock. */
  public synchronized void whenLost(Runnable action) {
    whenLost = action;
  }

  public String runId() {
    return holder().runId();
  }

  private synchronized LockHolder holder() {
    return holder;
  }

  /**
   * Fails where another run has taken the folder over; after that it always fails.
   *
   * @throws FolderInUseException if so
   */
  public synchronized void requireHeld() throws IOException {
    Optional<String> text = lost ? Optional.empty() : text(file);
    if (!lost && text.isEmpty()) {
      // one that took another's for a dead one's puts it back
      sleep(timing.settle);
      text = text(file);
    }
    if (halfWritten && text.isPresent() && LockHolder.of(text.get()).isEmpty()) {
      // on a full disk, say: the next beat writes it again
      return;
    }
    if (text.filter(this::isOurs).isEmpty()) {
      lost = true;
      throw new FolderInUseException(
          String.format(
              Locale.ROOT,
              "This run has lost its lock %s%s; it ends without writing more",
              file,
              text.flatMap(LockHolder::of).map(other -> " to another, " + other).orElse("")));
    }
  }

  /** Gives the folder free; one that was made for the lock, and that nothing was put into, is removed. */
  @Override
  public void close() throws IOException {
    // a beat that is interrupted would leave half a file
    beats.shutdown();
    try {
      beats.awaitTermination(timing.beat.toMillis(), TimeUnit.MILLISECONDS);
      beats.shutdownNow();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    synchronized (this) {
      if (!lost && isHeld()) {
        removeOldLocks();
        fileSystem.delete(file, false);
        if (madeFolder && fileSystem.listStatus(file.getParent()).length == 0) {
          fileSystem.delete(file.getParent(), false);
        }
      }
      lost = true;
    }
  }

  private static void sleep(Duration time) throws IOException {
    try {
      Thread.sleep(time);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while waiting for a lock");
    }
  }
}
