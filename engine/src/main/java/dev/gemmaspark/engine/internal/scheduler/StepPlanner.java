package dev.gemmaspark.engine.internal.scheduler;

import dev.gemmaspark.engine.internal.model.Step;
import java.util.List;

/**
 * What goes into a step: one token of every decoding sequence, and prompt chunks, first come first served, in what room is left. So
 * no decoding sequence ever waits for another's prompt, and no step is longer than the budget. A sequence whose prompt begins as that of
 * an earlier one waits for the earlier one's chunk, which may be in the same step: every layer stores all keys before it attends. One
 * whose tokens find no memory fails, and is not in the step.
 */
final class StepPlanner {
  private StepPlanner() {}

  static void plan(List<Sequence> running, Step step) {
    step.clear();
    for (Sequence sequence : running) {
      if (sequence.isDecoding()) {
        sequence.attempt(() -> sequence.plan(step, 1));
      }
    }
    for (Sequence sequence : running) {
      if (!sequence.hasEnded() && sequence.isPrefilling() && step.room() > 0) {
        sequence.attempt(() -> sequence.plan(step, step.room()));
      }
    }
  }
}
