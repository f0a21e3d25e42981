package dev.gemmaspark.engine.internal.scheduler;

import dev.gemmaspark.engine.internal.cache.KvCachePool;
import dev.gemmaspark.engine.internal.model.GemmaModel;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.slf4j.LoggerFactory;

/**
 * Runs all requests in one batch that changes from step to step.
 *
 * <p>One thread owns everything: it admits waiting sequences in order while there is room for them in the batch and in the cache,
 * plans a step, runs it, lets every sequence take its token, and retires those that ended. New requests reach it through a queue and
 * join at the next step; requests that nobody wants any more leave at the next step. A waiting sequence is admitted only when the
 * cache can hold it to its end, so nothing that runs is ever taken out again, but after a step that failed for all.
 *
 * <p>However that thread ends, no future is left behind that does not. {@link #submit}, {@link #hasEnded}, {@link #stats} and {@link #close} are safe for use
 * by many threads.
 */
public final class Scheduler implements AutoCloseable {
  private static final FailureLog LOG = new FailureLog(LoggerFactory.getLogger(Scheduler.class));

  private final KvCachePool caches;
  private final WorkerPool pool;
  private final int maxSequences;
  private final StepRunner steps;
  private final StepRecovery recovery;
  private final FailureLog log;
  private final Deliveries deliveries = new Deliveries();
  private final BlockingQueue<Sequence> submitted = new LinkedBlockingQueue<>();
  private final Deque<Sequence> waiting = new ArrayDeque<>();
  private final List<Sequence> running = new ArrayList<>();
  private final List<Sequence> retired = new ArrayList<>();
  private final Thread thread;
  private volatile boolean closed;
  private volatile String whyClosed = "the engine was closed";
  private volatile SchedulerStats stats;

  private long promptTokens;
  private long cachedTokens;
  private long completionTokens;
  private long requests;
  private long failures;

  /**
   * @param model runs the steps
   * @param vocabSize logits of one position
   * @param caches memory for keys and values; closed with this
   * @param pool picks the tokens of many sequences at once; closed with this
   * @param maxSequences most sequences in the batch; at most the model's step tokens
   */
  public Scheduler(GemmaModel model, int vocabSize, KvCachePool caches, WorkerPool pool, int maxSequences) {
    this(model, vocabSize, caches, pool, maxSequences, LOG);
  }

  /** With a log of somebody else's. */
  Scheduler(GemmaModel model, int vocabSize, KvCachePool caches, WorkerPool pool, int maxSequences, FailureLog log) {
    this.caches = caches;
    this.pool = pool;
    this.maxSequences = Math.min(maxSequences, model.maxStepTokens());
    this.log = log;
    this.steps = new StepRunner(model, vocabSize, pool);
    this.recovery = new StepRecovery(caches, steps, () -> closed);
    this.stats = snapshot();
    this.thread = Thread.ofPlatform().daemon().name("gemma-scheduler").unstarted(this::loop);
    thread.start();
  }

  /**
   * Hands in a sequence; its future ends with its result, after {@link #stats} count it. What callers hang on the future runs on a virtual
   * thread. One that the cache can never hold to its end fails at once.
   */
  public void submit(Sequence sequence) {
    if (!caches.fitsAlone(sequence.maxLength(), steps.maxTokens())) {
      sequence.fail(Failures.tooLong(sequence.mostTokens()));
      sequence.complete();
      return;
    }
    submitted.add(sequence);
    // the loop may have emptied the queue for the last time before this one came
    if (closed && submitted.remove(sequence)) {
      sequence.abandon(closedError());
      sequence.complete();
    }
  }

  /** Whether it was closed, or its thread has ended by an error: what is submitted fails. */
  public boolean hasEnded() {
    return closed;
  }

  public SchedulerStats stats() {
    return stats;
  }

  /**
   * Ends all requests, and waits until their futures have ended and the threads and all memory are given back; where a listener calls it,
   * on the thread that would be waited for, that comes after its return.
   */
  @Override
  public void close() {
    closed = true;
    if (Thread.currentThread() == thread) {
      return;
    }
    thread.interrupt();
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    deliveries.await();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void loop() {
    Throwable cause = null;
    try {
      while (!closed) {
        turn();
      }
    } catch (Throwable e) {
      cause = e;
      whyClosed = "the engine ended by " + e.getClass().getName() + "; its log has the details";
    } finally {
      closed = true;
      endAll(cause);
    }
  }

  private void turn() {
    try {
      collect();
      admit();
      if (!running.isEmpty()) {
        runStep();
      }
    } catch (InterruptedException e) {
      // closing: the loop's condition knows
    }
    retire();
    publish();
  }

  private void collect() throws InterruptedException {
    if (running.isEmpty() && waiting.isEmpty()) {
      waiting.add(submitted.take());
    }
    submitted.drainTo(waiting);
  }

  private void admit() {
    waiting.removeIf(Sequence::hasEnded);
    while (!waiting.isEmpty() && running.size() < maxSequences) {
      Sequence next = waiting.peek();
      int length = next.maxLength();
      if (caches.fits(length, steps.maxTokens(), next.prompt())) {
        next.attempt(() -> next.admit(caches.open(length, steps.maxTokens(), next.prompt())));
      } else if (running.isEmpty()) {
        // nothing will make more room, and those behind it must not wait for ever
        next.fail(Failures.tooLong(next.mostTokens()));
      } else {
        return;
      }
      waiting.remove();
      if (next.hasEnded()) {
        retire(next);
      } else {
        running.add(next);
      }
    }
  }

  private void runStep() {
    try {
      steps.run(running);
    } catch (OutOfMemoryError e) {
      throw e;
    } catch (Throwable e) {
      log.error("A step of " + running.size() + " sequences failed", e);
      retire();
      recovery.findCulprits(List.copyOf(running), e);
      retire();
      running.reversed().forEach(waiting::addFirst);
      running.clear();
    }
  }

  private void retire() {
    for (Iterator<Sequence> i = running.iterator(); i.hasNext(); ) {
      Sequence sequence = i.next();
      if (sequence.hasEnded()) {
        i.remove();
        retire(sequence);
      }
    }
  }

  private void retire(Sequence sequence) {
    retired.add(sequence);
    sequence.release();
    requests++;
    promptTokens += sequence.promptTokens();
    cachedTokens += sequence.cachedTokens();
    completionTokens += sequence.completionTokens();
    if (sequence.hasFailed()) {
      failures++;
    }
  }

  /** Only now may anybody hear of the results: whoever has one finds it in the statistics, and its memory given back. */
  private void publish() {
    stats = snapshot();
    retired.forEach(deliveries::deliver);
    retired.clear();
  }

  private SchedulerStats snapshot() {
    return new SchedulerStats(
        promptTokens,
        cachedTokens,
        completionTokens,
        requests,
        failures,
        running.size(),
        waiting.size() + submitted.size(),
        steps.steps(),
        steps.busyNanos(),
        caches.reservedBytes(),
        caches.budgetBytes());
  }

  /** The thread's last act: first the futures, for which somebody waits, then all the rest, whatever fails of it. */
  private void endAll(Throwable cause) {
    // no memory is everybody's affair, so everybody hears of it
    Throwable reason = cause instanceof OutOfMemoryError ? cause : closedError();
    retired.forEach(this::deliverLast);
    running.forEach(sequence -> abandon(sequence, reason));
    waiting.forEach(sequence -> abandon(sequence, reason));
    for (Sequence sequence = submitted.poll(); sequence != null; sequence = submitted.poll()) {
      abandon(sequence, reason);
    }
    running.forEach(sequence -> lastly("A sequence's part of the KV cache was not given back", sequence::release));
    running.clear();
    waiting.clear();
    lastly("The engine's last statistics are missing", () -> stats = snapshot());
    lastly("The KV cache's memory was not given back", caches::close);
    lastly("The engine's threads did not end", pool::close);
    if (cause != null) {
      log.error("The engine ends", cause);
    }
  }

  private void abandon(Sequence sequence, Throwable reason) {
    sequence.abandon(reason);
    deliverLast(sequence);
  }

  private void deliverLast(Sequence sequence) {
    lastly("A result was not delivered", () -> deliveries.deliver(sequence));
  }

  /** What comes after it is to be done all the same, and may fare better. */
  private void lastly(String failure, Runnable action) {
    try {
      action.run();
    } catch (Throwable e) {
      log.error(failure, e);
    }
  }

  private IllegalStateException closedError() {
    return new IllegalStateException(whyClosed);
  }
}
