package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.F;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;

import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * What this machine can do at the most, measured: fused multiply-adds on registers, and reading memory. Every speed is a share of
 * one of them.
 *
 * @param flopsPerSecond of all threads; a multiply-add is two
 * @param readBytesPerSecond of all threads, from memory far larger than the caches
 */
public record MachinePeaks(double flopsPerSecond, double readBytesPerSecond) {
  private static final int REPETITIONS = 5;
  /** Short calls, so that the whole method gets compiled and not a loop that is running in it. */
  private static final int FMA_ROUNDS = 2_000;

  private static final int FMA_CALLS = 20_000;
  private static final long READ_BYTES = 2L << 30;
  private static final long CHUNK_BYTES = 4L << 20;

  /** Bits of the kernels' vectors. */
  public static int vectorBits() {
    return F.vectorBitSize();
  }

  /** Measures with all threads of a pool: the best of five. Takes some seconds, and two gibibytes of memory. */
  public static MachinePeaks measure(WorkerPool pool) {
    return new MachinePeaks(flops(pool), readSpeed(pool));
  }

  private static double flops(WorkerPool pool) {
    int sums = LANES == 16 ? 24 : 12;
    float[] sink = new float[pool.threads()];
    double best = 0;
    for (int repetition = 0; repetition <= REPETITIONS; repetition++) {
      long start = System.nanoTime();
      pool.run(
          pool.threads(),
          (worker, index) -> {
            for (int i = 0; i < FMA_CALLS; i++) {
              sink[index] += LANES == 16 ? multiplyAdds24(FMA_ROUNDS) : multiplyAdds12(FMA_ROUNDS);
            }
          });
      double flops = 2.0 * sums * LANES * FMA_ROUNDS * FMA_CALLS * pool.threads();
      best = Math.max(best, flops / seconds(start));
    }
    requireFinite(sink);
    return best;
  }

  private static double readSpeed(WorkerPool pool) {
    float[] sink = new float[(int) (READ_BYTES / CHUNK_BYTES)];
    double best = 0;
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = arena.allocate(READ_BYTES, 64);
      for (int repetition = 0; repetition <= REPETITIONS; repetition++) {
        long start = System.nanoTime();
        pool.run(sink.length, (worker, index) -> sink[index] = sum(memory, index * CHUNK_BYTES));
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

  private static float sum(MemorySegment memory, long from) {
    FloatVector a = FloatVector.zero(F);
    FloatVector b = FloatVector.zero(F);
    FloatVector c = FloatVector.zero(F);
    FloatVector d = FloatVector.zero(F);
    int step = 4 * LANES * Float.BYTES;
    for (int i = 0; i < CHUNK_BYTES; i += step) {
      long at = from + i;
      a = a.add(FloatVector.fromMemorySegment(F, memory, at, ByteOrder.nativeOrder()));
      b = b.add(FloatVector.fromMemorySegment(F, memory, at + LANES * Float.BYTES, ByteOrder.nativeOrder()));
      c = c.add(FloatVector.fromMemorySegment(F, memory, at + 2 * LANES * Float.BYTES, ByteOrder.nativeOrder()));
      d = d.add(FloatVector.fromMemorySegment(F, memory, at + 3 * LANES * Float.BYTES, ByteOrder.nativeOrder()));
    }
    return a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
  }

  /** Twelve independent sums: they hide the latency and fit 16 registers. */
  private static float multiplyAdds12(int rounds) {
    FloatVector x = FloatVector.broadcast(F, 0.999f);
    FloatVector y = FloatVector.broadcast(F, 0.001f);
    FloatVector s0 = FloatVector.broadcast(F, 0f);
    FloatVector s1 = FloatVector.broadcast(F, 1f);
    FloatVector s2 = FloatVector.broadcast(F, 2f);
    FloatVector s3 = FloatVector.broadcast(F, 3f);
    FloatVector s4 = FloatVector.broadcast(F, 4f);
    FloatVector s5 = FloatVector.broadcast(F, 5f);
    FloatVector s6 = FloatVector.broadcast(F, 6f);
    FloatVector s7 = FloatVector.broadcast(F, 7f);
    FloatVector s8 = FloatVector.broadcast(F, 8f);
    FloatVector s9 = FloatVector.broadcast(F, 9f);
    FloatVector s10 = FloatVector.broadcast(F, 10f);
    FloatVector s11 = FloatVector.broadcast(F, 11f);
    for (int i = 0; i < rounds; i++) {
      s0 = s0.fma(x, y);
      s1 = s1.fma(x, y);
      s2 = s2.fma(x, y);
      s3 = s3.fma(x, y);
      s4 = s4.fma(x, y);
      s5 = s5.fma(x, y);
      s6 = s6.fma(x, y);
      s7 = s7.fma(x, y);
      s8 = s8.fma(x, y);
      s9 = s9.fma(x, y);
      s10 = s10.fma(x, y);
      s11 = s11.fma(x, y);
    }
    s0 = s0.add(s1);
    s0 = s0.add(s2);
    s0 = s0.add(s3);
    s0 = s0.add(s4);
    s0 = s0.add(s5);
    s0 = s0.add(s6);
    s0 = s0.add(s7);
    s0 = s0.add(s8);
    s0 = s0.add(s9);
    s0 = s0.add(s10);
    s0 = s0.add(s11);
    return s0.reduceLanes(VectorOperators.ADD);
  }

  /** Twenty-four independent sums, for 32 registers. */
  private static float multiplyAdds24(int rounds) {
    FloatVector x = FloatVector.broadcast(F, 0.999f);
    FloatVector y = FloatVector.broadcast(F, 0.001f);
    FloatVector s0 = FloatVector.broadcast(F, 0f);
    FloatVector s1 = FloatVector.broadcast(F, 1f);
    FloatVector s2 = FloatVector.broadcast(F, 2f);
    FloatVector s3 = FloatVector.broadcast(F, 3f);
    FloatVector s4 = FloatVector.broadcast(F, 4f);
    FloatVector s5 = FloatVector.broadcast(F, 5f);
    FloatVector s6 = FloatVector.broadcast(F, 6f);
    FloatVector s7 = FloatVector.broadcast(F, 7f);
    FloatVector s8 = FloatVector.broadcast(F, 8f);
    FloatVector s9 = FloatVector.broadcast(F, 9f);
    FloatVector s10 = FloatVector.broadcast(F, 10f);
    FloatVector s11 = FloatVector.broadcast(F, 11f);
    FloatVector s12 = FloatVector.broadcast(F, 12f);
    FloatVector s13 = FloatVector.broadcast(F, 13f);
    FloatVector s14 = FloatVector.broadcast(F, 14f);
    FloatVector s15 = FloatVector.broadcast(F, 15f);
    FloatVector s16 = FloatVector.broadcast(F, 16f);
    FloatVector s17 = FloatVector.broadcast(F, 17f);
    FloatVector s18 = FloatVector.broadcast(F, 18f);
    FloatVector s19 = FloatVector.broadcast(F, 19f);
    FloatVector s20 = FloatVector.broadcast(F, 20f);
    FloatVector s21 = FloatVector.broadcast(F, 21f);
    FloatVector s22 = FloatVector.broadcast(F, 22f);
    FloatVector s23 = FloatVector.broadcast(F, 23f);
    for (int i = 0; i < rounds; i++) {
      s0 = s0.fma(x, y);
      s1 = s1.fma(x, y);
      s2 = s2.fma(x, y);
      s3 = s3.fma(x, y);
      s4 = s4.fma(x, y);
      s5 = s5.fma(x, y);
      s6 = s6.fma(x, y);
      s7 = s7.fma(x, y);
      s8 = s8.fma(x, y);
      s9 = s9.fma(x, y);
      s10 = s10.fma(x, y);
      s11 = s11.fma(x, y);
      s12 = s12.fma(x, y);
      s13 = s13.fma(x, y);
      s14 = s14.fma(x, y);
      s15 = s15.fma(x, y);
      s16 = s16.fma(x, y);
      s17 = s17.fma(x, y);
      s18 = s18.fma(x, y);
      s19 = s19.fma(x, y);
      s20 = s20.fma(x, y);
      s21 = s21.fma(x, y);
      s22 = s22.fma(x, y);
      s23 = s23.fma(x, y);
    }
    s0 = s0.add(s1);
    s0 = s0.add(s2);
    s0 = s0.add(s3);
    s0 = s0.add(s4);
    s0 = s0.add(s5);
    s0 = s0.add(s6);
    s0 = s0.add(s7);
    s0 = s0.add(s8);
    s0 = s0.add(s9);
    s0 = s0.add(s10);
    s0 = s0.add(s11);
    s0 = s0.add(s12);
    s0 = s0.add(s13);
    s0 = s0.add(s14);
    s0 = s0.add(s15);
    s0 = s0.add(s16);
    s0 = s0.add(s17);
    s0 = s0.add(s18);
    s0 = s0.add(s19);
    s0 = s0.add(s20);
    s0 = s0.add(s21);
    s0 = s0.add(s22);
    s0 = s0.add(s23);
    return s0.reduceLanes(VectorOperators.ADD);
  }
}
