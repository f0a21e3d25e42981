package dev.gemmaspark.engine.internal.scheduler;

import dev.gemmaspark.engine.generation.GenerationFailure;
import dev.gemmaspark.engine.internal.cache.KvCachePool;
import dev.gemmaspark.engine.internal.model.GemmaModel;
import dev.gemmaspark.engine.internal.model.Step;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs all requests in one batch that changes from step to step.
 *
 * <p>One thread owns everything: it admits waiting sequences in order while there is room for them in the batch and in the cache,
 * plans a step, runs it, lets every sequence take its token, and retires those that ended. New requests reach it through a queue and
 * join at the next step; requests that nobody wants any more leave at the next step. A waiting sequence is admitted only when the
 * cache can hold it to its end, so nothing that runs is ever taken out again.
 *
 * <p>{@link #submit}, {@link #stats} and {@link #close} are safe for use by many threads.
 */
public final class Scheduler implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Scheduler.class);

  private final GemmaModel model;
  private final KvCachePool caches;
  private final int maxSequences;
  private final Step step;
  private final WorkerPool pool;
  private final WorkerPool.IndexedTask sampling;
  private final BlockingQueue<Sequence> submitted = new LinkedBlockingQueue<>();
  private final Deque<Sequence> waiting = new ArrayDeque<>();
  private final List<Sequence> running = new ArrayList<>();
  private final Thread thread;
  private volatile boolean closed;
  private volatile SchedulerStats stats;

  private long promptTokens;
  private long cachedTokens;
  private long completionTokens;
  private long requests;
  private long failures;
  private long steps;
  private long busyNanos;

  /**
   * @param model runs the steps
   * @param vocabSize logits of one position
   * @param caches memory for keys and values
   * @param pool picks the tokens of many sequences at once
   * @param maxSequences most sequences in the batch; at most the model's step tokens
   */
  public Scheduler(GemmaModel model, int vocabSize, KvCachePool caches, WorkerPool pool, int maxSequences) {
    this.model = model;
    this.pool = pool;
    this.sampling = (worker, i) -> forOne(running.get(i), sequence -> sequence.sample(model.logits(), vocabSize));
    this.caches = caches;
    this.maxSequences = Math.min(maxSequences, model.maxStepTokens());
    this.step = new Step(model.maxStepTokens());
    this.stats = snapshot();
    this.thread = Thread.ofPlatform().daemon().name("gemma-scheduler").unstarted(this::loop);
    thread.start();
  }

  /** Hands in a sequence; its future ends with its result. */
  public void submit(Sequence sequence) {
    submitted.add(sequence);
    if (closed) {
      // the loop may have emptied the queue for the last time before this one came
      endAll();
    }
  }

  public SchedulerStats stats() {
    return stats;
  }

  /** Whether the cache can hold a sequence of so many positions when it runs alone. */
  public boolean canHold(int length) {
    return caches.fitsAlone(length, model.maxStepTokens());
  }

  /** Ends all requests, and waits for the thread. */
  @Override
  public void close() {
    closed = true;
    thread.interrupt();
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    endAll();
  }

  private void loop() {
    while (!closed) {
      try {
        collect();
        admit();
        if (!running.isEmpty()) {
          runStep();
        }
      } catch (InterruptedException e) {
        // closing: the loop's condition knows
      } catch (OutOfMemoryError e) {
        giveUp(e);
      } catch (Throwable e) {
        LOG.error("A step of {} sequences failed", running.size(), e);
        findCulprits(e);
      }
      retire();
      stats = snapshot();
    }
    running.forEach(Scheduler::end);
    waiting.forEach(Scheduler::end);
    endAll();
  }

  private void collect() throws InterruptedException {
    if (running.isEmpty() && waiting.isEmpty()) {
      waiting.add(submitted.take());
    }
    submitted.drainTo(waiting);
  }

  private void admit() {
    waiting.removeIf(sequence -> sequence.result().isDone());
    while (!waiting.isEmpty() && running.size() < maxSequences) {
      Sequence next = waiting.peek();
      if (!caches.fits(next.maxLength(), model.maxStepTokens())) {
        return;
      }
      next.admit(caches.open(next.maxLength(), model.maxStepTokens(), next.prompt()));
      running.add(waiting.remove());
    }
  }

  private void runStep() {
    long start = System.nanoTime();
    StepPlanner.plan(running, step);
    model.forward(step);
    pool.run(running.size(), sampling);
    advance();
    steps++;
    busyNanos += System.nanoTime() - start;
  }

  private void advance() {
    for (Sequence sequence : running) {
      if (sequence.hasNonFiniteLogits()) {
        failNonFinite(sequence);
      } else if (!sequence.result().isDone()) {
        forOne(sequence, Sequence::advance);
      }
    }
  }

  /** What is one sequence's alone, its listener above all, fails for it alone. */
  private void forOne(Sequence sequence, Consumer<Sequence> action) {
    try {
      action.accept(sequence);
    } catch (OutOfMemoryError e) {
      throw e;
    } catch (Throwable e) {
      LOG.error("A sequence failed", e);
      fail(sequence, e);
    }
  }

  /**
   * After a step that failed: computes every sequence anew as far as it was and one token further, in steps of its own, so that the one fails
   * for which they fail. What it has made stays, so its text is the same as without the failure.
   */
  private void findCulprits(Throwable failure) {
    retire();
    List<Sequence> suspects = List.copyOf(running);
    suspects.forEach(Sequence::restart);
    caches.forget();
    if (suspects.size() == 1) {
      fail(suspects.getFirst(), failure);
      return;
    }
    for (Sequence suspect : suspects) {
      running.clear();
      running.add(suspect);
      try {
        suspect.admit(caches.open(suspect.maxLength(), model.maxStepTokens()));
        int made = suspect.completionTokens();
        while (!suspect.result().isDone() && suspect.completionTokens() == made) {
          runStep();
        }
      } catch (OutOfMemoryError e) {
        giveUp(e);
      } catch (Throwable e) {
        fail(suspect, e);
      }
    }
    running.clear();
    running.addAll(suspects);
  }

  private void giveUp(OutOfMemoryError e) {
    closed = true;
    running.forEach(sequence -> sequence.result().completeExceptionally(e));
  }

  private void failNonFinite(Sequence sequence) {
    sequence.fail(
        GenerationFailure.Code.NON_FINITE_LOGITS,
        String.format(
            Locale.ROOT,
            "the model's logits are not finite numbers, from %s on; its weights are broken: check the file with `gemma inspect --verify`",
            model.placeOfNonFinite(step, sequence.logitsRow())));
  }

  private void fail(Sequence sequence, Throwable e) {
    String cause =
        e instanceof InternalError
            // what the JVM makes of a page that is no longer there
            ? "mapped weights could not be read: the file in the model cache was cut, or its disk fails; start the application again"
            : "the engine failed (" + e.getClass().getSimpleName() + "); its log has the details";
    sequence.fail(GenerationFailure.Code.INTERNAL, cause);
  }

  private void retire() {
    for (Iterator<Sequence> i = running.iterator(); i.hasNext(); ) {
      Sequence sequence = i.next();
      if (sequence.result().isDone()) {
        i.remove();
        sequence.release();
        requests++;
        promptTokens += sequence.promptTokens();
        cachedTokens += sequence.cachedTokens();
        completionTokens += sequence.completionTokens();
        if (!sequence.result().isCompletedExceptionally()
            && sequence.result().join() instanceof GenerationFailure) {
          failures++;
        }
      }
    }
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
        steps,
        busyNanos,
        caches.reservedBytes(),
        caches.budgetBytes());
  }

  private void endAll() {
    for (Sequence sequence = submitted.poll(); sequence != null; sequence = submitted.poll()) {
      end(sequence);
    }
  }

  private static void end(Sequence sequence) {
    sequence.result().completeExceptionally(new IllegalStateException("the engine was closed"));
  }
}
