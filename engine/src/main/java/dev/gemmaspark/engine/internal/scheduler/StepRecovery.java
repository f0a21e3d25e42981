package dev.gemmaspark.engine.internal.scheduler;

import dev.gemmaspark.engine.internal.cache.KvCachePool;
import java.util.List;
import java.util.function.BooleanSupplier;

/** Finds out for which sequences a step failed that all of them shared. Belongs to the thread that runs the steps. */
final class StepRecovery {
  private final KvCachePool caches;
  private final StepRunner steps;
  private final BooleanSupplier closed;

  /** @param closed whether to give up, because nobody waits for the results any more */
  StepRecovery(KvCachePool caches, StepRunner steps, BooleanSupplier closed) {
    this.caches = caches;
    this.steps = steps;
    this.closed = closed;
  }

  /**
   * Computes every sequence anew as far as it was and one token further, in steps of its own, so that those fail for which the step
   * failed. All give their places in the cache back, and are to be admitted anew; what they have made stays, so their texts are the same
   * as without the failure.
   *
   * @param suspects that were in the step, and have not ended
   */
  void findCulprits(List<Sequence> suspects, Throwable failure) {
    suspects.forEach(Sequence::restart);
    caches.forget();
    if (suspects.size() == 1) {
      suspects.getFirst().fail(failure);
      return;
    }
    for (Sequence suspect : suspects) {
      if (closed.getAsBoolean()) {
        return;
      }
      suspect.attempt(() -> makeOneToken(suspect));
      suspect.restart();
    }
  }

  private void makeOneToken(Sequence sequence) {
    sequence.admit(caches.open(sequence.maxLength(), steps.maxTokens()));
    int made = sequence.completionTokens();
    while (!sequence.hasEnded() && sequence.completionTokens() == made && !closed.getAsBoolean()) {
      steps.run(List.of(sequence));
    }
  }
}
