package dev.gemmaspark.engine.internal.weights;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * Writes files that are whole or not there: under a name of their own beside the real one, which they get at the end. Whoever may read what
 * this user makes may read them. What a process leaves that is killed on the way is deleted by the next that writes the same file: nobody
 * holds its lock.
 */
public final class AtomicFile {
  private static final String UNFINISHED = ".unfinished";

  /** A file is locked a moment after it is made. */
  private static final Duration MOMENT = Duration.ofMinutes(1);

  private AtomicFile() {}

  /** What is in a file. */
  @FunctionalInterface
  public interface Content {
    void writeTo(FileChannel channel) throws IOException;
  }

  /** Writes a file, and makes its folder; replaces one that is there. */
  public static void write(Path file, Content content) throws IOException {
    Path folder = file.toAbsolutePath().getParent();
    Files.createDirectories(folder);
    deleteAbandoned(folder, file.getFileName() + ".");
    Path unfinished = folder.resolve(file.getFileName() + "." + UUID.randomUUID() + UNFINISHED);
    try (FileChannel channel = FileChannel.open(unfinished, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      // held until the channel is closed; a file system without locks has none who deletes, either
      tryLock(channel);
      content.writeTo(channel);
      channel.force(true);
      Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(unfinished);
    }
  }

  /** Deletes the files of a folder that were begun under names that begin so, and that nobody will finish. */
  static void deleteAbandoned(Path folder, String prefix) throws IOException {
    List<Path> unfinished;
    try (Stream<Path> entries = Files.list(folder)) {
      unfinished =
          entries
              .filter(entry -> entry.getFileName().toString().startsWith(prefix) && entry.toString().endsWith(UNFINISHED))
              .filter(Files::isRegularFile)
              .toList();
    }
    for (Path file : unfinished) {
      if (isAbandoned(file)) {
        Files.deleteIfExists(file);
      }
    }
  }

  private static boolean isAbandoned(Path file) {
    try {
      if (Files.getLastModifiedTime(file).toInstant().isAfter(Instant.now().minus(MOMENT))) {
        return false;
      }
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        return tryLock(channel);
      }
    } catch (IOException e) {
      // gone, or another user's
      return false;
    }
  }

  private static boolean tryLock(FileChannel channel) {
    try {
      FileLock lock = channel.tryLock();
      return lock != null;
    } catch (OverlappingFileLockException | IOException e) {
      return false;
    }
  }
}
