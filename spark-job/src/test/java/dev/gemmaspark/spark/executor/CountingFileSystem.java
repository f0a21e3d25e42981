package dev.gemmaspark.spark.executor;

import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;

/** Local files under the scheme {@code counting}, whose openings are counted, and on a disk that may be full. */
public final class CountingFileSystem extends RawLocalFileSystem {
  /** How many more files may be begun; by default as many as one likes. */
  public static final AtomicInteger ROOM = new AtomicInteger(Integer.MAX_VALUE);

  static final AtomicInteger OPENED = new AtomicInteger();

  @Override
  public URI getUri() {
    return URI.create("counting:///");
  }

  @Override
  public String getScheme() {
    return "counting";
  }

  @Override
  protected OutputStream createOutputStream(Path path, boolean append) throws IOException {
    requireRoom(path);
    return super.createOutputStream(path, append);
  }

  @Override
  protected OutputStream createOutputStreamWithMode(Path path, boolean append, FsPermission permission) throws IOException {
    requireRoom(path);
    return super.createOutputStreamWithMode(path, append, permission);
  }

  private static void requireRoom(Path path) throws IOException {
    if (path.getName().endsWith(".parquet") && ROOM.getAndDecrement() <= 0) {
      throw new IOException("No space left on device");
    }
  }

  @Override
  public FSDataInputStream open(Path path, int bufferSize) throws IOException {
    OPENED.incrementAndGet();
    return super.open(path, bufferSize);
  }
}
