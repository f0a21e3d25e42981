package dev.gemmaspark.engine.internal.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.engine.internal.cache.KvCache;
import dev.gemmaspark.engine.internal.cache.KvCachePool;
import dev.gemmaspark.engine.internal.kernel.Kernels;
import dev.gemmaspark.engine.internal.kernel.ScalarKernels;
import dev.gemmaspark.engine.internal.kernel.VectorKernels;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import dev.gemmaspark.engine.internal.tensor.KvType;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.RandomWeights;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import dev.gemmaspark.engine.internal.weights.ModelWeights;
import dev.gemmaspark.engine.internal.weights.RandomModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Bits do not depend on company: logits are equal whatever the batch, the chunks, the threads and the kernels. */
class GemmaModelTest {
  private static final int LENGTH = 90;

  @ParameterizedTest
  @EnumSource
  void logitsDoNotDependOnBatchChunkThreadsOrKernels(TensorType type) {
    compare(pack(RandomModel.gemma2(type)), KvType.F32);
  }

  @ParameterizedTest
  @EnumSource
  void norWithShortKeysAndValues(KvType kvType) {
    compare(pack(RandomModel.gemma2(TensorType.Q8_0)), kvType);
  }

  @ParameterizedTest
  @EnumSource
  void norOnWhetherAnotherPromptHasTheSameBeginning(KvType kvType) {
    ModelWeights<PackedMatrix> packed = pack(RandomModel.gemma2(TensorType.Q4_K));
    // no longer than the window: else it is not shared
    int[] prompt = prompt(1, 23);
    int[] other = prompt.clone();
    other[18]++;
    float[] alone = run(packed, kvType, new VectorKernels(), 1, LENGTH, List.of(prompt)).getFirst();
    try (WorkerPool pool = new WorkerPool(2, "test")) {
      GemmaModel model = new GemmaModel(packed, new VectorKernels(), pool, 24, 64, kvType);
      try (KvCachePool caches = new KvCachePool(model.cacheShape(), 64 << 20)) {
        float[] logits = new float[alone.length];
        assertThat(runRest(model, caches, other, logits)).isZero();
        assertThat(logits).isNotEqualTo(alone);
        assertThat(runRest(model, caches, prompt, logits)).isEqualTo(16);
        assertThat(logits).isEqualTo(alone);
      }
    }
  }

  /** Runs what is not yet in the cache of a prompt, and returns where that begins. */
  private static int runRest(GemmaModel model, KvCachePool caches, int[] prompt, float[] logits) {
    KvCache cache = caches.open(prompt.length, prompt.length, prompt);
    int from = cache.length();
    cache.extend(prompt.length - from);
    Step step = new Step(model.maxStepTokens());
    for (int at = from; at < prompt.length; at++) {
      step.add(prompt[at], at, cache);
    }
    step.wantLogits();
    model.forward(step);
    System.arraycopy(model.logits(), 0, logits, 0, logits.length);
    return from;
  }

  private static void compare(ModelWeights<PackedMatrix> packed, KvType kvType) {
    List<int[]> prompts = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      prompts.add(prompt(i, LENGTH - 13 * i));
    }
    List<float[]> alone = new ArrayList<>();
    for (int[] prompt : prompts) {
      alone.addAll(run(packed, kvType, new VectorKernels(), 1, 1, List.of(prompt)));
    }
    for (int chunk : List.of(1, 7, 17, LENGTH)) {
      for (int threads : List.of(1, 2, 3)) {
        assertEqual(run(packed, kvType, new VectorKernels(), threads, chunk, prompts), alone, chunk, threads);
      }
    }
    assertEqual(run(packed, kvType, new ScalarKernels(), 2, 16, prompts), alone, 16, 2);
  }

  private static void assertEqual(List<float[]> actual, List<float[]> expected, int chunk, int threads) {
    for (int i = 0; i < expected.size(); i++) {
      assertThat(actual.get(i)).as("prompt %d, chunk %d, %d threads", i, chunk, threads).isEqualTo(expected.get(i));
    }
  }

  /** The logits after each prompt's last token. */
  private static List<float[]> run(
      ModelWeights<PackedMatrix> packed, KvType kvType, Kernels kernels, int threads, int chunk, List<int[]> prompts) {
    try (WorkerPool pool = new WorkerPool(threads, "test")) {
      GemmaModel model = new GemmaModel(packed, kernels, pool, chunk * prompts.size(), 256, kvType);
      try (KvCachePool caches = new KvCachePool(model.cacheShape(), 64 << 20)) {
        List<KvCache> open = prompts.stream().map(prompt -> caches.open(256, chunk)).toList();
        float[][] logits = new float[prompts.size()][];
        Step step = new Step(model.maxStepTokens());
        for (int from = 0; from < LENGTH; from += chunk) {
          step.clear();
          int[] wanted = new int[prompts.size()];
          Arrays.fill(wanted, -1);
          for (int i = 0; i < prompts.size(); i++) {
            int[] prompt = prompts.get(i);
            int to = Math.min(from + chunk, prompt.length);
            if (to > from) {
              open.get(i).extend(to - from);
            }
            for (int at = from; at < to; at++) {
              step.add(prompt[at], at, open.get(i));
            }
            if (to > from && to == prompt.length) {
              wanted[i] = step.wantLogits();
            }
          }
          model.forward(step);
          for (int i = 0; i < prompts.size(); i++) {
            if (wanted[i] >= 0) {
              int size = packed.config().vocabSize();
              logits[i] = Arrays.copyOfRange(model.logits(), wanted[i] * size, (wanted[i] + 1) * size);
            }
          }
        }
        return Arrays.asList(logits);
      }
    }
  }

  private static int[] prompt(int seed, int length) {
    int[] prompt = new int[length];
    for (int i = 0; i < length; i++) {
      prompt[i] = (i * 31 + seed * 17 + i * i % 7) % 300;
    }
    return prompt;
  }

  private static ModelWeights<PackedMatrix> pack(ModelWeights<WeightRows> weights) {
    return weights.map((name, matrix) -> RandomWeights.packed(matrix));
  }
}
