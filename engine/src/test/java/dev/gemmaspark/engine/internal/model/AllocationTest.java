package dev.gemmaspark.engine.internal.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.gemmaspark.engine.ChildJvm;
import dev.gemmaspark.engine.internal.cache.KvCache;
import dev.gemmaspark.engine.internal.cache.KvCachePool;
import dev.gemmaspark.engine.internal.kernel.VectorKernels;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import dev.gemmaspark.engine.internal.tensor.KvType;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.RandomWeights;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import dev.gemmaspark.engine.internal.weights.ModelWeights;
import dev.gemmaspark.engine.internal.weights.RandomModel;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Once its kernels are compiled, steps allocate next to nothing: a product whose vectors C2 makes objects of allocates some hundred times as
 * much, and is as much slower. Every type in a JVM of its own, as it is in use: one that has run all of them compiles each for all.
 */
class AllocationTest {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final long DEADLINE = Duration.ofSeconds(40).toNanos();
  private static final String WORKER = "allocation-test";

  /** For 24 steps of 1.5 million weights; with objects in the innermost loop of a product it is about a gigabyte. */
  private static final long NEXT_TO_NOTHING = 16 << 20;

  @ParameterizedTest
  @EnumSource(names = {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K", "Q6_K"})
  void stepsAllocateNextToNothing(TensorType type) throws Exception {
    Process process =
        ChildJvm.of(List.of("--add-modules=jdk.incubator.vector"), AllocationTest.class.getName(), type.name())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).isZero();
    assertThat(Long.parseLong(output)).isLessThanOrEqualTo(NEXT_TO_NOTHING);
  }

  /** Runs steps until they allocate next to nothing, or time is up; prints the bytes that the last ones allocated. */
  public static void main(String[] arguments) {
    ModelWeights<WeightRows> weights = RandomModel.gemma2(TensorType.valueOf(arguments[0]));
    ModelWeights<PackedMatrix> model = weights.map((name, matrix) -> RandomWeights.packed(matrix));
    try (WorkerPool pool = new WorkerPool(2, WORKER)) {
      long worker =
          Thread.getAllStackTraces().keySet().stream()
              .filter(thread -> thread.getName().startsWith(WORKER))
              .findFirst()
              .orElseThrow()
              .threadId();
      GemmaModel gemma = new GemmaModel(model, new VectorKernels(), pool, 64, 128, KvType.F16);
      KvCachePool caches = new KvCachePool(gemma.cacheShape(), 1 << 26);
      long start = System.nanoTime();
      long allocated = Long.MAX_VALUE;
      while (allocated > NEXT_TO_NOTHING && System.nanoTime() - start < DEADLINE) {
        allocated = steps(gemma, caches, worker);
      }
      System.out.print(allocated);
    }
  }

  /** Prompts and single tokens; returns the bytes that the steps alone allocated. */
  private static long steps(GemmaModel model, KvCachePool caches, long worker) {
    long allocated = 0;
    Step step = new Step(64);
    try (KvCache a = caches.open(128, 64);
        KvCache b = caches.open(128, 64)) {
      for (int at = 0; at < 100; at += 17) {
        step.clear();
        a.extend(17);
        for (int i = 0; i < 17; i++) {
          step.add((at * 7 + i) % 300, at + i, a);
        }
        step.wantLogits();
        b.extend(1);
        step.add(at % 300, at / 17, b);
        step.wantLogits();
        allocated += forward(model, step, worker);
      }
      for (int at = 102; at < 120; at++) {
        step.clear();
        a.extend(1);
        step.add(at, at, a);
        step.wantLogits();
        allocated += forward(model, step, worker);
      }
    }
    return allocated;
  }

  /** Bytes that the pool's thread allocates; it does all that the calling one does. */
  private static long forward(GemmaModel model, Step step, long worker) {
    long before = THREADS.getThreadAllocatedBytes(worker);
    model.forward(step);
    return THREADS.getThreadAllocatedBytes(worker) - before;
  }
}
