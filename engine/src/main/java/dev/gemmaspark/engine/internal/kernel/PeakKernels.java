package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.F;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** What a core does at the most: loops that do nothing but multiply-adds on registers, or nothing but reading. */
public final class PeakKernels {
  private PeakKernels() {}

  /** Bits of the kernels' vectors. */
  public static int vectorBits() {
    return F.vectorBitSize();
  }

  /** Operations of one round of {@link #multiplyAdds}; a multiply-add is two. */
  public static long flopsPerRound() {
    return 2L * LANES * (LANES == 16 ? 24 : 12);
  }

  /**
   * Multiply-adds with as many independent sums as hide their latency and stay in registers. Called with few rounds and often, so that
   * the whole method gets compiled, and not a loop that is running in it.
   */
  public static float multiplyAdds(int rounds) {
    return LANES == 16 ? multiplyAdds24(rounds) : multiplyAdds12(rounds);
  }

  /** Reads {@code bytes} of memory, a multiple of four vectors, as fast as it goes. */
  public static float read(MemorySegment memory, long from, int bytes) {
    FloatVector a = FloatVector.zero(F);
    FloatVector b = FloatVector.zero(F);
    FloatVector c = FloatVector.zero(F);
    FloatVector d = FloatVector.zero(F);
    int step = 4 * LANES * Float.BYTES;
    for (int i = 0; i < bytes; i += step) {
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
    for (long i = 0; i < rounds; i++) {
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
    for (long i = 0; i < rounds; i++) {
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
