package dev.gemmaspark.engine.internal.scheduler;

import dev.gemmaspark.engine.internal.model.GemmaModel;
import dev.gemmaspark.engine.internal.model.Step;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import java.util.List;

/**
 * Runs one step of a batch: plans it, computes it, and lets every sequence take its token. What is one sequence's alone, its memory, its
 * text and its listener, fails for it alone; what fails in between fails for all. Belongs to the thread that runs the steps.
 */
final class StepRunner {
  private final GemmaModel model;
  private final WorkerPool pool;
  private final Step step;
  private final WorkerPool.IndexedTask sampling;
  private List<Sequence> batch = List.of();
  private long steps;
  private long busyNanos;

  /** @param vocabSize logits of one position */
  StepRunner(GemmaModel model, int vocabSize, WorkerPool pool) {
    this.model = model;
    this.pool = pool;
    this.step = new Step(model.maxStepTokens());
    this.sampling =
        (worker, i) -> {
          Sequence sequence = batch.get(i);
          sequence.attempt(() -> sequence.sample(model.logits(), vocabSize));
        };
  }

  /**
   * Runs a step.
   *
   * @param sequences not yet ended, admitted; some may have ended afterwards
   * @throws RuntimeException or Error if the step failed for all; what they have made is as before then, or a token further
   */
  void run(List<Sequence> sequences) {
    long start = System.nanoTime();
    batch = sequences;
    StepPlanner.plan(sequences, step);
    model.forward(step);
    pool.run(sequences.size(), sampling);
    for (Sequence sequence : sequences) {
      if (!sequence.hasEnded()) {
        sequence.attempt(() -> sequence.takeToken(model, step));
      }
    }
    steps++;
    busyNanos += System.nanoTime() - start;
  }

  /** Most tokens of a step. */
  int maxTokens() {
    return model.maxStepTokens();
  }

  /** Steps that ended well. */
  long steps() {
    return steps;
  }

  /** Time that they took. */
  long busyNanos() {
    return busyNanos;
  }
}
