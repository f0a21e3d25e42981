package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.F;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;
import static dev.gemmaspark.engine.internal.tensor.KvBlockLayout.POSITIONS;

import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Attention of one query head, in four passes over the positions it sees: scores, exponentials, their sum, and the weighted values.
 * Four vectors at a time where there are as many, because one sum alone waits for the latency of its own multiply-adds.
 */
final class AttentionKernel {
  private static final ByteOrder NATIVE = ByteOrder.nativeOrder();
  private static final int FLOAT_BYTES = Float.BYTES;

  private AttentionKernel() {}

  /** Scores of all positions of the blocks from {@code first} to {@code last}. */
  static void scores(
      float[] query,
      int queryOffset,
      MemorySegment[] blocks,
      KvBlockLayout layout,
      int kvHead,
      int first,
      int last,
      float[] scores) {
    long keys = layout.keys(kvHead);
    int vectors = (last - first + 1) * POSITIONS / LANES;
    int i = 0;
    for (; i + 4 <= vectors; i += 4) {
      scores4(query, queryOffset, layout.headDim(), blocks, keys, first, i, scores);
    }
    for (; i < vectors; i++) {
      score1(query, queryOffset, layout.headDim(), blocks, keys, first, i, scores);
    }
  }

  private static void scores4(
      float[] query,
      int queryOffset,
      int headDim,
      MemorySegment[] blocks,
      long keys,
      int first,
      int vector,
      float[] scores) {
    MemorySegment block0 = blocks[first + vector * LANES / POSITIONS];
    MemorySegment block1 = blocks[first + (vector + 1) * LANES / POSITIONS];
    MemorySegment block2 = blocks[first + (vector + 2) * LANES / POSITIONS];
    MemorySegment block3 = blocks[first + (vector + 3) * LANES / POSITIONS];
    long at0 = keys + (long) vector * LANES % POSITIONS * FLOAT_BYTES;
    long at1 = keys + (long) (vector + 1) * LANES % POSITIONS * FLOAT_BYTES;
    long at2 = keys + (long) (vector + 2) * LANES % POSITIONS * FLOAT_BYTES;
    long at3 = keys + (long) (vector + 3) * LANES % POSITIONS * FLOAT_BYTES;
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = FloatVector.zero(F);
    FloatVector s2 = FloatVector.zero(F);
    FloatVector s3 = FloatVector.zero(F);
    for (int d = 0; d < headDim; d++) {
      FloatVector q = FloatVector.broadcast(F, query[queryOffset + d]);
      long step = (long) d * POSITIONS * FLOAT_BYTES;
      s0 = q.fma(FloatVector.fromMemorySegment(F, block0, at0 + step, NATIVE), s0);
      s1 = q.fma(FloatVector.fromMemorySegment(F, block1, at1 + step, NATIVE), s1);
      s2 = q.fma(FloatVector.fromMemorySegment(F, block2, at2 + step, NATIVE), s2);
      s3 = q.fma(FloatVector.fromMemorySegment(F, block3, at3 + step, NATIVE), s3);
    }
    s0.intoArray(scores, vector * LANES);
    s1.intoArray(scores, (vector + 1) * LANES);
    s2.intoArray(scores, (vector + 2) * LANES);
    s3.intoArray(scores, (vector + 3) * LANES);
  }

  private static void score1(
      float[] query,
      int queryOffset,
      int headDim,
      MemorySegment[] blocks,
      long keys,
      int first,
      int vector,
      float[] scores) {
    MemorySegment block = blocks[first + vector * LANES / POSITIONS];
    long at = keys + (long) vector * LANES % POSITIONS * FLOAT_BYTES;
    FloatVector sum = FloatVector.zero(F);
    for (int d = 0; d < headDim; d++) {
      FloatVector q = FloatVector.broadcast(F, query[queryOffset + d]);
      sum = q.fma(FloatVector.fromMemorySegment(F, block, at + (long) d * POSITIONS * FLOAT_BYTES, NATIVE), sum);
    }
    sum.intoArray(scores, vector * LANES);
  }

  /** {@code exp(score - the largest score)}, in place; {@code length} is a whole number of blocks. */
  static void exponentials(float[] scores, int length) {
    FloatVector largest = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
    for (int i = 0; i < length; i += LANES) {
      largest = largest.max(FloatVector.fromArray(F, scores, i));
    }
    float max = largest.reduceLanes(VectorOperators.MAX);
    for (int i = 0; i < length; i += LANES) {
      VectorMath.exp(FloatVector.fromArray(F, scores, i).sub(max)).intoArray(scores, i);
    }
  }

  static float total(float[] scores, int length, float[] lanes) {
    for (int lane = 0; lane < Lanes.COUNT; lane += LANES) {
      FloatVector sum = FloatVector.zero(F);
      for (int i = lane; i < length; i += Lanes.COUNT) {
        sum = sum.add(FloatVector.fromArray(F, scores, i));
      }
      sum.intoArray(lanes, lane);
    }
    return Lanes.sum(lanes);
  }

  static void weightedValues(
      float[] scores,
      MemorySegment[] blocks,
      KvBlockLayout layout,
      int kvHead,
      int start,
      int end,
      float total,
      float[] out,
      int outOffset) {
    long values = layout.values(kvHead);
    int headDim = layout.headDim();
    int d = 0;
    for (; d + 4 * LANES <= headDim; d += 4 * LANES) {
      values4(scores, blocks, values, headDim, d, start, end, total, out, outOffset + d);
    }
    for (; d + LANES <= headDim; d += LANES) {
      values1(scores, blocks, values, headDim, d, start, end, total, out, outOffset + d);
    }
    for (; d < headDim; d++) {
      out[outOffset + d] = value(scores, blocks, values, headDim, d, start, end) / total;
    }
  }

  private static void values4(
      float[] scores,
      MemorySegment[] blocks,
      long values,
      int headDim,
      int d,
      int start,
      int end,
      float total,
      float[] out,
      int outOffset) {
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = FloatVector.zero(F);
    FloatVector s2 = FloatVector.zero(F);
    FloatVector s3 = FloatVector.zero(F);
    int base = start / POSITIONS * POSITIONS;
    for (int position = start; position < end; ) {
      MemorySegment block = blocks[position / POSITIONS];
      int blockEnd = Math.min(end, (position / POSITIONS + 1) * POSITIONS);
      for (; position < blockEnd; position++) {
        long at = values + ((long) (position % POSITIONS) * headDim + d) * FLOAT_BYTES;
        FloatVector weight = FloatVector.broadcast(F, scores[position - base]);
        s0 = weight.fma(FloatVector.fromMemorySegment(F, block, at, NATIVE), s0);
        s1 = weight.fma(FloatVector.fromMemorySegment(F, block, at + LANES * FLOAT_BYTES, NATIVE), s1);
        s2 = weight.fma(FloatVector.fromMemorySegment(F, block, at + 2 * LANES * FLOAT_BYTES, NATIVE), s2);
        s3 = weight.fma(FloatVector.fromMemorySegment(F, block, at + 3 * LANES * FLOAT_BYTES, NATIVE), s3);
      }
    }
    s0.div(total).intoArray(out, outOffset);
    s1.div(total).intoArray(out, outOffset + LANES);
    s2.div(total).intoArray(out, outOffset + 2 * LANES);
    s3.div(total).intoArray(out, outOffset + 3 * LANES);
  }

  private static void values1(
      float[] scores,
      MemorySegment[] blocks,
      long values,
      int headDim,
      int d,
      int start,
      int end,
      float total,
      float[] out,
      int outOffset) {
    FloatVector sum = FloatVector.zero(F);
    int base = start / POSITIONS * POSITIONS;
    for (int position = start; position < end; position++) {
      long at = values + ((long) (position % POSITIONS) * headDim + d) * FLOAT_BYTES;
      FloatVector weight = FloatVector.broadcast(F, scores[position - base]);
      sum = weight.fma(FloatVector.fromMemorySegment(F, blocks[position / POSITIONS], at, NATIVE), sum);
    }
    sum.div(total).intoArray(out, outOffset);
  }

  private static float value(
      float[] scores, MemorySegment[] blocks, long values, int headDim, int d, int start, int end) {
    float sum = 0;
    int base = start / POSITIONS * POSITIONS;
    for (int position = start; position < end; position++) {
      long at = values + ((long) (position % POSITIONS) * headDim + d) * FLOAT_BYTES;
      float value = blocks[position / POSITIONS].get(ValueLayout.JAVA_FLOAT, at);
      sum = Math.fma(scores[position - base], value, sum);
    }
    return sum;
  }
}
