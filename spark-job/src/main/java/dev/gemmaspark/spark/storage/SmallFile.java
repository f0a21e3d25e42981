package dev.gemmaspark.spark.storage;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Optional;
import org.apache.hadoop.fs.ChecksumFileSystem;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * A file that is replaced whole, on any file system, also on those that cannot rename onto a file: there is no moment in which a reader of
 * this class finds neither what was there nor what is new, and none in which it finds half of it. For one writer at a time.
 *
 * <pre>
 * FILE.unfinished   is being written; nobody reads it
 * FILE.new          is whole, and on its way to FILE, which may be gone already
 * FILE              what there is, unless only FILE.new is there
 * </pre>
 *
 * No checksums are kept beside it on local disks, whose files would have to be replaced at the same moment.
 */
public final class SmallFile {
  private static final String UNFINISHED = ".unfinished";
  private static final int READS = 3;

  private final FileSystem checked;
  private final FileSystem fileSystem;
  private final Path file;
  private final Path fresh;

  public SmallFile(FileSystem fileSystem, Path file) {
    this.checked = fileSystem;
    this.fileSystem = unchecked(fileSystem);
    this.file = file;
    this.fresh = file.suffix(".new");
  }

  /** Whether a file of this name is what a replacement that was killed has left, and nobody reads. */
  public static boolean isUnfinished(String name) {
    return name.endsWith(UNFINISHED);
  }

  static FileSystem unchecked(FileSystem fileSystem) {
    return fileSystem instanceof ChecksumFileSystem checked ? checked.getRawFileSystem() : fileSystem;
  }

  public Path path() {
    return file;
  }

  public boolean exists() throws IOException {
    return fileSystem.exists(file) || fileSystem.exists(fresh) || fileSystem.exists(file);
  }

  /** What is in it, if it is there. */
  public Optional<byte[]> read() throws IOException {
    for (int i = 0; i < READS; i++) {
      // a writer may be between the two at one look, hardly at three
      Optional<byte[]> bytes = read(file);
      if (bytes.isEmpty()) {
        bytes = read(fresh);
      }
      if (bytes.isPresent()) {
        return bytes;
      }
    }
    return Optional.empty();
  }

  private Optional<byte[]> read(Path path) throws IOException {
    try (InputStream in = fileSystem.open(path)) {
      return Optional.of(in.readAllBytes());
    } catch (FileNotFoundException e) {
      return Optional.empty();
    }
  }

  /** Takes the place of what is there. When it returns, the new contents are there for good; when it fails or is killed, one of both is. */
  public void write(byte[] bytes) throws IOException {
    finish();
    Path unfinished = file.suffix(UNFINISHED);
    try (OutputStream out = fileSystem.create(unfinished, true)) {
      out.write(bytes);
    }
    rename(unfinished, fresh);
    finish();
  }

  /** Ends a replacement that is whole. */
  private void finish() throws IOException {
    if (fileSystem.exists(fresh)) {
      checked.delete(file, false);
      rename(fresh, file);
    }
  }

  private void rename(Path from, Path to) throws IOException {
    if (!fileSystem.rename(from, to)) {
      throw new IOException("cannot rename " + from + " to " + to);
    }
  }

  /** Removes it, and what an unfinished replacement left of it. */
  public void delete() throws IOException {
    fileSystem.delete(file.suffix(UNFINISHED), false);
    // the older first: what is there in between is the newer
    checked.delete(file, false);
    fileSystem.delete(fresh, false);
  }
}
