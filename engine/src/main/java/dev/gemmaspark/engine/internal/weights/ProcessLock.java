package dev.gemmaspark.engine.internal.weights;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;

/** A file lock that waits for other processes, and for other threads of this one, which the JDK refuses instead. */
public final class ProcessLock {
  private static final int RETRY_MILLIS = 50;

  private ProcessLock() {}

  /** Locks a channel's file, exclusively. */
  public static FileLock acquire(FileChannel channel) throws IOException {
    while (true) {
      try {
        return channel.lock();
      } catch (OverlappingFileLockException e) {
        try {
          Thread.sleep(RETRY_MILLIS);
        } catch (InterruptedException interrupted) {
          Thread.currentThread().interrupt();
          throw new IOException("interrupted while another thread prepares the same model", interrupted);
        }
      }
    }
  }
}
