package dev.gemmaspark.engine;

import dev.gemmaspark.engine.internal.kernel.PeakKernels;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * What this machine can do at the most, measured: fused multiply-adds on registers, and reading memory. Every speed is a share of
 * one of them.
 *
 * @param flopsPerSecond of all threads; a multiply-add is two
 * @param readBytesPerSecond of all threads, from memory far larger than the caches
 */
record MachinePeaks(double flopsPerSecond, double readBytesPerSecond) {
  private static final int REPETITIONS = 5;
  private static final int ROUNDS = 2_000;
  private static final int CALLS = 10_000;
  private static final long READ_BYTES = 2L << 30;
  private static final int CHUNK_BYTES = 4 << 20;

  /** Measures with all threads of a pool: the best of five. Takes some seconds, and two gibibytes of memory. */
  static MachinePeaks measure(WorkerPool pool) {
    return new MachinePeaks(flops(pool), readSpeed(pool));
  }

  private static double flops(WorkerPool pool) {
    float[] sink = new float[pool.threads()];
    // alone first: C2 compiles a loop worse that is running in several threads
    sink[0] = multiplyAdds();
    double best = 0;
    for (int repetition = -1; repetition < REPETITIONS; repetition++) {
      long start = System.nanoTime();
      pool.run(pool.threads(), (worker, index) -> sink[index] = multiplyAdds());
      double flops = (double) PeakKernels.flopsPerRound() * ROUNDS * CALLS * pool.threads();
      best = Math.max(best, flops / seconds(start));
    }
    requireFinite(sink);
    return best;
  }

  private static float multiplyAdds() {
    float sum = 0;
    for (int i = 0; i < CALLS; i++) {
      sum += PeakKernels.multiplyAdds(ROUNDS);
    }
    return sum;
  }

  private static double readSpeed(WorkerPool pool) {
    float[] sink = new float[(int) (READ_BYTES / CHUNK_BYTES)];
    double best = 0;
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = arena.allocate(READ_BYTES, 64);
      for (int repetition = -1; repetition < REPETITIONS; repetition++) {
        long start = System.nanoTime();
        pool.run(
            sink.length,
            (worker, index) -> sink[index] = PeakKernels.read(memory, (long) index * CHUNK_BYTES, CHUNK_BYTES));
        best = Math.max(best, READ_BYTES / seconds(start));
      }
    }
    requireFinite(sink);
    return best;
  }

  private static double seconds(long start) {
    return (System.nanoTime() - start) / 1e9;
  }

  /** Uses what was computed, so that the compiler cannot leave it out. */
  private static void requireFinite(float[] values) {
    for (float value : values) {
      if (!Float.isFinite(value)) {
        throw new IllegalStateException("a measurement went wrong: " + Arrays.toString(values));
      }
    }
  }
}
