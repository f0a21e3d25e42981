package dev.gemmaspark.engine.internal.parallel;

import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * A fixed team of threads that runs one indexed task at a time; the calling thread is one of them.
 *
 * <p>A forward pass is some hundreds of short parallel phases. Between two of them workers spin for some microseconds, because
 * waking a parked thread costs more than many a phase; after that they park, because an idle engine must not burn its
 * executor's cores. Indexes are handed out one by one, so a worker that the machine slows down takes fewer.
 *
 * <p>One thread at a time may call {@link #run}; whoever made the pool closes it.
 */
public final class WorkerPool implements AutoCloseable {
  private static final int SPINS = 4_000;

  /** What a phase does for each of its indexes. */
  @FunctionalInterface
  public interface IndexedTask {
    /**
     * @param worker which of the pool's threads this is, from 0: names the scratch memory to use
     * @param index from 0 to the phase's count
     */
    void run(int worker, int index);
  }

  private final Worker[] workers;
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicInteger pending = new AtomicInteger();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();

  // written before, and read after, the epoch
  private IndexedTask task;
  private int count;

  private volatile int epoch;
  private volatile boolean closed;

  /**
   * @param threads all in all, the caller included
   * @param name of the threads
   */
  public WorkerPool(int threads, String name) {
    this(threads, Thread.ofPlatform().daemon().name(name + "-", 1).factory());
  }

  /**
   * With threads of somebody else's making.
   *
   * @throws RuntimeException or Error, what the factory or the start of a thread throws; those that have begun end then
   */
  WorkerPool(int threads, ThreadFactory factory) {
    workers = new Worker[threads - 1];
    for (int i = 0; i < workers.length; i++) {
      workers[i] = new Worker(i + 1);
    }
    try {
      for (Worker worker : workers) {
        worker.thread = factory.newThread(worker);
        worker.thread.start();
      }
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  /** Threads of the team, the caller included. */
  public int threads() {
    return workers.length + 1;
  }

  /**
   * Runs the task for every index from 0 to {@code count}, and returns when all have been done.
   *
   * @throws RuntimeException or Error, the first that the task threw; indexes not yet begun are then left out
   */
  public void run(int count, IndexedTask task) {
    if (workers.length == 0 || count <= 1) {
      for (int i = 0; i < count; i++) {
        task.run(0, i);
      }
      return;
    }
    this.task = task;
    this.count = count;
    next.set(0);
    pending.set(workers.length);
    epoch = epoch + 1;
    for (Worker worker : workers) {
      worker.wake();
    }
    drain(0);
    for (int spins = 0; pending.get() > 0; spins++) {
      if (spins < SPINS) {
        Thread.onSpinWait();
      } else {
        Thread.yield();
      }
    }
    Throwable thrown = failure.getAndSet(null);
    switch (thrown) {
      case null -> {}
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      default -> throw new IllegalStateException(thrown);
    }
  }

  private void drain(int worker) {
    try {
      for (int i = next.getAndIncrement(); i < count; i = next.getAndIncrement()) {
        task.run(worker, i);
      }
    } catch (Throwable e) {
      failure.compareAndSet(null, e);
      next.set(count);
    }
  }

  /** Ends the threads. The pool must be idle. */
  @Override
  public void close() {
    closed = true;
    epoch = epoch + 1;
    for (Worker worker : workers) {
      worker.wake();
    }
  }

  private final class Worker implements Runnable {
    private final int index;
    private Thread thread;
    private volatile boolean parked;

    Worker(int index) {
      this.index = index;
    }

    void wake() {
      if (parked) {
        LockSupport.unpark(thread);
      }
    }

    @Override
    public void run() {
      int seen = 0;
      while (true) {
        seen = awaitAfter(seen);
        if (closed) {
          return;
        }
        drain(index);
        pending.decrementAndGet();
      }
    }

    private int awaitAfter(int seen) {
      for (int spins = 0; spins < SPINS; spins++) {
        if (epoch != seen) {
          return epoch;
        }
        Thread.onSpinWait();
      }
      parked = true;
      while (epoch == seen) {
        LockSupport.park(WorkerPool.this);
      }
      parked = false;
      return epoch;
    }
  }
}
