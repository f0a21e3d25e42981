package dev.gemmaspark.spark.rag;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.apache.hadoop.fs.FileSystem;

/**
 * Shards on their way between machines: each a zip file in the index, and a folder in the cache of a machine that searches it. A file's name
 * tells its contents, so what is in the cache is never out of date.
 */
final class ShardFiles {
  private static final Duration UNUSED = Duration.ofDays(7);

  /** A folder that a process was filling that was killed. */
  private static final Duration FORGOTTEN = Duration.ofDays(1);

  private static final String UNFINISHED = "unfinished";

  private ShardFiles() {}

  /** Packs a folder of files into a stream. */
  static void pack(Path folder, OutputStream out) throws IOException {
    try (ZipOutputStream zip = new ZipOutputStream(out);
        Stream<Path> files = Files.list(folder)) {
      // Lucene's files are compressed already
      zip.setLevel(1);
      for (Path file : files.sorted().toList()) {
        zip.putNextEntry(new ZipEntry(file.getFileName().toString()));
        Files.copy(file, zip);
      }
    }
  }

  /**
   * Opens a shard of an index; its files are copied to this machine where that has not been done.
   *
   * @param file the zip file
   * @param cache of this machine
   */
  static Shard open(FileSystem fileSystem, org.apache.hadoop.fs.Path file, Path cache) throws IOException {
    Path folder = copied(fileSystem, file, cache);
    try {
      return open(folder);
    } catch (IOException e) {
      // not whole, for whatever reason
      remove(folder);
      return open(copied(fileSystem, file, cache));
    }
  }

  private static Shard open(Path folder) throws IOException {
    Shard shard = Shard.open(folder);
    Files.setLastModifiedTime(folder, FileTime.from(Instant.now()));
    return shard;
  }

  private static Path copied(FileSystem fileSystem, org.apache.hadoop.fs.Path file, Path cache) throws IOException {
    Path folder = shards(cache).resolve(file.getName().replaceFirst("\\.zip$", ""));
    if (!Files.isDirectory(folder)) {
      Path unfinished = temporary(cache);
      try {
        unpack(fileSystem, file, unfinished);
        Files.move(unfinished, folder, StandardCopyOption.ATOMIC_MOVE);
      } catch (IOException | RuntimeException e) {
        delete(unfinished);
        // another task or process of this machine may have been faster; which exception tells of that differs from system to system
        if (!(e instanceof FileSystemException && Files.isDirectory(folder))) {
          throw e;
        }
      }
    }
    return folder;
  }

  /** Takes a copy away at one moment, so that nobody meets half of it. */
  private static void remove(Path folder) throws IOException {
    Path unfinished = Files.createTempDirectory(folder.getParent(), UNFINISHED);
    Files.move(folder, unfinished, StandardCopyOption.ATOMIC_MOVE);
    delete(unfinished);
  }

  private static Path shards(Path cache) {
    return cache.resolve("index");
  }

  /** A new folder on this machine, for the caller to fill and to delete; one that is left is deleted some day. */
  static Path temporary(Path cache) throws IOException {
    Path shards = Files.createDirectories(shards(cache));
    removeUnused(shards);
    return Files.createTempDirectory(shards, UNFINISHED);
  }

  private static void unpack(FileSystem fileSystem, org.apache.hadoop.fs.Path file, Path folder) throws IOException {
    try (InputStream in = fileSystem.open(file);
        ZipInputStream zip = new ZipInputStream(in)) {
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        Path target = folder.resolve(entry.getName()).normalize();
        if (!folder.equals(target.getParent())) {
          throw new DocumentsException("The index file " + file + " has an entry '" + entry.getName() + "'; it is none of ours: make the index anew", null);
        }
        Files.copy(zip, target);
      }
    } catch (java.io.FileNotFoundException e) {
      throw new DocumentsException("The index has lost its file " + file + "; make it anew with 'gemma-submit index --rebuild'", e);
    }
  }

  private static void removeUnused(Path shards) throws IOException {
    Instant now = Instant.now();
    List<Path> old;
    try (Stream<Path> folders = Files.list(shards)) {
      old = folders.filter(folder -> isOlder(folder, now.minus(folder.getFileName().toString().startsWith(UNFINISHED) ? FORGOTTEN : UNUSED))).toList();
    }
    for (Path folder : old) {
      try {
        remove(folder);
      } catch (IOException | UncheckedIOException e) {
        // another task is just doing that
        continue;
      }
    }
  }

  private static boolean isOlder(Path folder, Instant limit) {
    try {
      return Files.getLastModifiedTime(folder).toInstant().isBefore(limit);
    } catch (IOException e) {
      return false;
    }
  }

  static void delete(Path folder) throws IOException {
    if (Files.exists(folder)) {
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.deleteIfExists(file);
        }
      }
    }
  }
}
