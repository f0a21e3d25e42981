package dev.gemmaspark.engine.internal.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.GenerationFailure;
import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.GenerationResult;
import dev.gemmaspark.engine.generation.Prompt;
import dev.gemmaspark.engine.generation.SamplingParameters;
import dev.gemmaspark.engine.generation.StopConditions;
import dev.gemmaspark.engine.generation.TokenListener;
import dev.gemmaspark.engine.internal.cache.KvCachePool;
import dev.gemmaspark.engine.internal.kernel.VectorKernels;
import dev.gemmaspark.engine.internal.model.GemmaModel;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import dev.gemmaspark.engine.internal.tensor.KvType;
import dev.gemmaspark.engine.internal.tensor.RandomWeights;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import dev.gemmaspark.engine.internal.weights.ModelWeights;
import dev.gemmaspark.engine.internal.weights.RandomModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Steps that fail: who pays for them. */
class SchedulerTest {
  private static final int CONTEXT = 128;
  private static final int NO_TOKEN = 100_000;

  private final ModelWeights<WeightRows> weights = RandomModel.gemma2(TensorType.Q8_0);

  @Test
  void ofAStepThatFailsOnlyTheCulpritFailsAndTheOthersTextIsTheSame() throws Exception {
    List<Sequence> alone = sequences();
    List<String> expected = new ArrayList<>();
    for (Sequence sequence : alone) {
      expected.add(text(run(List.of(sequence)).getFirst()));
    }
    List<Sequence> together = sequences();
    // a prompt that begins as the others do, so that they may wait for what it computes
    Sequence culprit = sequence(20, 7, 4, piece -> true, NO_TOKEN);
    together.addFirst(culprit);
    boolean[] thrown = new boolean[1];
    Sequence latecomer =
        sequence(
            5,
            3,
            9,
            piece -> {
              thrown[0] = true;
              throw new StackOverflowError("in the middle of the others' decoding");
            },
            1);
    together.add(3, latecomer);
    List<GenerationResult> results = run(together);
    assertThat(((GenerationFailure) results.remove(3)).code()).isEqualTo(GenerationFailure.Code.INTERNAL);
    assertThat(thrown[0]).isTrue();
    GenerationFailure failure = (GenerationFailure) results.removeFirst();
    assertThat(failure.code()).isEqualTo(GenerationFailure.Code.INTERNAL);
    assertThat(failure.message()).contains("the engine failed (").contains("its log has the details");
    assertThat(results).extracting(SchedulerTest::text).isEqualTo(expected);
  }

  private List<Sequence> sequences() {
    List<Sequence> sequences = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      sequences.add(sequence(20, i, 5, piece -> true, 8 + i));
    }
    return sequences;
  }

  private Sequence sequence(int length, int seed, int maxTokens, TokenListener listener, int lastToken) {
    int[] prompt = new int[length];
    for (int i = 0; i < length; i++) {
      prompt[i] = 6 + i * 5 % 250;
    }
    prompt[length - 1] = lastToken;
    GenerationRequest request =
        GenerationRequest.of(Prompt.user("unused"))
            .with(new SamplingParameters(0.9, 20, 1, 0, 1.2, seed))
            .with(StopConditions.maxTokens(maxTokens));
    return new Sequence(request, prompt, CONTEXT, weights.vocabulary(), Set.of(1), listener);
  }

  private List<GenerationResult> run(List<Sequence> sequences) throws Exception {
    try (WorkerPool pool = new WorkerPool(2, "scheduler-test")) {
      GemmaModel model =
          new GemmaModel(weights.map((name, matrix) -> RandomWeights.packed(matrix)), new VectorKernels(), pool, 32, CONTEXT, KvType.F32);
      KvCachePool caches = new KvCachePool(model.cacheShape(), 1 << 26);
      try (Scheduler scheduler = new Scheduler(model, weights.config().vocabSize(), caches, pool, 8)) {
        sequences.forEach(scheduler::submit);
        List<GenerationResult> results = new ArrayList<>();
        for (Sequence sequence : sequences) {
          results.add(sequence.result().get(30, TimeUnit.SECONDS));
        }
        return results;
      }
    }
  }

  private static String text(GenerationResult result) {
    return ((Completion) result).text();
  }
}
