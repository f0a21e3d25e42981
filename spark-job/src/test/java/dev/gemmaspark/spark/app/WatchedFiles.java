package dev.gemmaspark.spark.app;

import dev.gemmaspark.spark.LocalFiles;
import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/** Local files, and the files of their checksums, that say what of them is changed next; before one change this stops for good. */
public final class WatchedFiles extends LocalFiles {
  private static final AtomicInteger left = new AtomicInteger(Integer.MAX_VALUE);
  private static final AtomicInteger changes = new AtomicInteger();

  public WatchedFiles() {
    super(new Raw());
  }

  static void stopBefore(int change) {
    left.set(change);
  }

  private static void change(String what, Path path) throws IOException {
    if (changes.getAndIncrement() == 0) {
      say(KilledRuns.AT_WORK);
    }
    say(KilledRuns.CHANGE + what + " " + path.toUri().getPath());
    if (left.decrementAndGet() < 0) {
      say(KilledRuns.AT_THE_PLACE);
      try {
        new CountDownLatch(1).await();
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
    }
  }

  private static void say(String line) {
    System.out.println(line);
    System.out.flush();
  }

  private static final class Raw extends LocalFiles.Raw {
    @Override
    public boolean rename(Path from, Path to) throws IOException {
      change("rename", to);
      return super.rename(from, to);
    }

    @Override
    public boolean delete(Path path, boolean recursive) throws IOException {
      if (exists(path)) {
        change("delete", path);
      }
      return super.delete(path, recursive);
    }

    @Override
    public boolean mkdirs(Path path) throws IOException {
      // it comes here for the parents too
      if (!exists(path)) {
        change("mkdirs", path);
      }
      return super.mkdirs(path);
    }

    @Override
    public FSDataOutputStream create(Path path, boolean overwrite, int buffer, short replication, long block, Progressable progress) throws IOException {
      change("create", path);
      return super.create(path, overwrite, buffer, replication, block, progress);
    }

    @Override
    public FSDataOutputStream create(
        Path path, FsPermission permission, boolean overwrite, int buffer, short replication, long block, Progressable progress) throws IOException {
      change("create", path);
      return super.create(path, permission, overwrite, buffer, replication, block, progress);
    }
  }
}
