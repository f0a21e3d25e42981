package dev.gemmaspark.engine;

import dev.gemmaspark.engine.internal.weights.ProcessLock;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Copies of models that a machine keeps in its cache folder, each in a folder of its own: made once, by one process at a time, under another
 * name until it is whole, and read-only from then on. What a process left that was killed on the way is removed. Safe for use by many threads
 * and processes.
 */
public final class ModelCache {
  private static final String UNFINISHED = ".unfinished";

  private final Path directory;

  /** @param cacheDirectory the machine's */
  public ModelCache(Path cacheDirectory) {
    this.directory = cacheDirectory.resolve("models");
  }

  /** Puts the files of a model into a folder. */
  @FunctionalInterface
  public interface Copying {
    void copyTo(Path folder) throws IOException;
  }

  /**
   * The folder of a model.
   *
   * @param key names the folder: letters, digits, dots and dashes
   * @param isWhole whether a folder that is there has all that it should have; one that has not is made again
   * @param copying makes the folder's files
   */
  public Path folder(String key, Predicate<Path> isWhole, Copying copying) throws IOException {
    Path folder = directory.resolve(key);
    if (Files.isDirectory(folder) && isWhole.test(folder)) {
      return folder;
    }
    Files.createDirectories(directory);
    try (FileChannel channel =
            FileChannel.open(directory.resolve(key + ".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock held = ProcessLock.acquire(channel)) {
      if (held.isValid() && !(Files.isDirectory(folder) && isWhole.test(folder))) {
        make(key, folder, copying);
      }
    }
    return folder;
  }

  private void make(String key, Path folder, Copying copying) throws IOException {
    for (Path left : leftOvers(key)) {
      delete(left);
    }
    delete(folder);
    // not a temporary directory, which only its owner may read
    Path making = Files.createDirectory(directory.resolve(key + "-" + UUID.randomUUID() + UNFINISHED));
    try {
      copying.copyTo(making);
      try (Stream<Path> entries = Files.walk(making)) {
        entries.filter(Files::isRegularFile).forEach(file -> file.toFile().setReadOnly());
      }
      Files.move(making, folder, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      delete(making);
    }
  }

  /** Nobody else works on them: the lock is held. */
  private List<Path> leftOvers(String key) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries
          .filter(entry -> entry.getFileName().toString().startsWith(key + "-") && entry.toString().endsWith(UNFINISHED))
          .toList();
    }
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> entries = Files.walk(folder)) {
      for (Path entry : entries.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(entry);
      }
    }
  }
}
