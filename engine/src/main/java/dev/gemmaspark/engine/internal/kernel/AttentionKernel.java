package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.F;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;
import static dev.gemmaspark.engine.internal.tensor.KvBlockLayout.POSITIONS;
import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;

import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;
import dev.gemmaspark.engine.internal.tensor.KvType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Attention of neighbouring tokens, by the tiles of the matrix products: 64 positions of keys are a panel as 64 rows of a matrix are one,
 * and so are 64 elements of the values, whose columns are the positions. So all query heads of a group and all tokens share one decoding
 * of the keys and values that they see. What a query does not see has the weight zero, which changes no sum.
 */
final class AttentionKernel {
  private static final int BLOCKS_PER_PANEL = PANEL_ROWS / POSITIONS;

  private AttentionKernel() {}

  static void attend(
      AttentionShape shape,
      float[] queries,
      int at,
      int tokens,
      int position,
      MemorySegment[] blocks,
      int kvHead,
      float[] out,
      KernelScratch scratch) {
    AttentionScratch space = scratch.attention;
    int rows = tokens * shape.group();
    int headDim = shape.layout().headDim();
    int end = position + tokens;
    int first = shape.start(position) / PANEL_ROWS;
    int panels = (end - 1) / PANEL_ROWS - first + 1;
    for (int row = 0; row < rows; row++) {
      System.arraycopy(queries, at + shape.offset(row), space.rows, row * headDim, headDim);
    }
    space.queries.shape(rows, headDim);
    for (int tile = 0; tile < space.queries.tiles(); tile++) {
      space.queries.pack(tile, space.rows, headDim);
    }
    scores(shape.layout(), kvHead, blocks, first, panels, end, scratch);
    if (shape.softcap() != 0) {
      softcap(space.scores, panels * rows * PANEL_ROWS, shape.softcap());
    }
    for (int row = 0; row < rows; row++) {
      int own = position + row / shape.group();
      space.totals[row] = softmax(space.scores, row, rows, panels, shape.start(own) - first * PANEL_ROWS, own + 1 - first * PANEL_ROWS, scratch.lanes);
    }
    space.weights.shape(rows, panels * PANEL_ROWS);
    for (int tile = 0; tile < space.weights.tiles(); tile++) {
      space.weights.packPanels(tile, space.scores);
    }
    weightedValues(shape.layout(), kvHead, blocks, first, end, scratch);
    for (int row = 0; row < rows; row++) {
      output(space.rows, row, rows, headDim, space.totals[row], out, at + shape.offset(row));
    }
  }

  private static void scores(
      KvBlockLayout layout, int kvHead, MemorySegment[] blocks, int first, int panels, int end, KernelScratch scratch) {
    Activations queries = scratch.attention.queries;
    float[] scores = scratch.attention.scores;
    int columns = queries.paddedColumns();
    int rows = queries.rows();
    Arrays.fill(scores, 0, panels * rows * PANEL_ROWS, 0f);
    for (int panel = 0; panel < panels; panel++) {
      for (int chunk = 0; chunk < columns; chunk += Activations.CHUNK_COLUMNS) {
        int width = Math.min(Activations.CHUNK_COLUMNS, columns - chunk);
        for (int i = 0; i < BLOCKS_PER_PANEL; i++) {
          int block = (first + panel) * BLOCKS_PER_PANEL + i;
          int known = Math.min(width, layout.headDim() - chunk);
          if (block * POSITIONS >= end || blocks[block] == null) {
            known = 0;
          } else {
            decodeKeys(layout.type(), blocks[block], layout.key(kvHead, 0, chunk), known, scratch.weights, i * POSITIONS);
          }
          for (int d = known; d < width; d++) {
            Arrays.fill(scratch.weights, d * PANEL_ROWS + i * POSITIONS, d * PANEL_ROWS + (i + 1) * POSITIONS, 0f);
          }
        }
        ProductKernel.multiplyTiles(scratch.weights, width, queries, chunk, scores, panel * rows * PANEL_ROWS);
      }
    }
  }

  private static void decodeKeys(KvType type, MemorySegment block, long from, int count, float[] weights, int to) {
    switch (type) {
      case F32 -> {
        for (long d = 0; d < count; d++) {
          for (int lane = 0; lane < POSITIONS; lane += LANES) {
            VectorLoads.floats(block, from + 4 * lane).intoArray(weights, to + lane);
          }
          from += 4 * POSITIONS;
          to += PANEL_ROWS;
        }
      }
      case F16 -> {
        for (long d = 0; d < count; d++) {
          for (int lane = 0; lane < POSITIONS; lane += LANES) {
            VectorLoads.halves(block, from + 2 * lane).intoArray(weights, to + lane);
          }
          from += 2 * POSITIONS;
          to += PANEL_ROWS;
        }
      }
      case BF16 -> {
        for (long d = 0; d < count; d++) {
          for (int lane = 0; lane < POSITIONS; lane += LANES) {
            VectorLoads.upperHalves(block, from + 2 * lane).intoArray(weights, to + lane);
          }
          from += 2 * POSITIONS;
          to += PANEL_ROWS;
        }
      }
    }
  }

  private static void softcap(float[] scores, int length, float cap) {
    for (int i = 0; i < length; i += LANES) {
      VectorMath.tanh(FloatVector.fromArray(F, scores, i).div(cap)).mul(cap).intoArray(scores, i);
    }
  }

  /** {@code exp(score - the largest score)}, in place, of the positions that a row sees, counted from the first panel; returns the sum. */
  private static float softmax(float[] scores, int row, int rows, int panels, int start, int end, float[] lanes) {
    FloatVector largest = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
    for (int panel = start / PANEL_ROWS; panel <= (end - 1) / PANEL_ROWS; panel++) {
      int at = (panel * rows + row) * PANEL_ROWS;
      outside(scores, at, start - panel * PANEL_ROWS, end - panel * PANEL_ROWS, Float.NEGATIVE_INFINITY);
      for (int i = at; i < at + PANEL_ROWS; i += LANES) {
        largest = largest.max(FloatVector.fromArray(F, scores, i));
      }
    }
    float max = largest.reduceLanes(VectorOperators.MAX);
    for (int panel = 0; panel < panels; panel++) {
      int at = (panel * rows + row) * PANEL_ROWS;
      if (panel >= start / PANEL_ROWS && panel <= (end - 1) / PANEL_ROWS) {
        for (int i = at; i < at + PANEL_ROWS; i += LANES) {
          VectorMath.exp(FloatVector.fromArray(F, scores, i).sub(max)).intoArray(scores, i);
        }
      }
      outside(scores, at, start - panel * PANEL_ROWS, end - panel * PANEL_ROWS, 0f);
    }
    return total(scores, row, rows, panels, lanes);
  }

  private static void outside(float[] scores, int at, int start, int end, float value) {
    Arrays.fill(scores, at, at + Math.clamp(start, 0, PANEL_ROWS), value);
    Arrays.fill(scores, at + Math.clamp(end, 0, PANEL_ROWS), at + PANEL_ROWS, value);
  }

  private static float total(float[] weights, int row, int rows, int panels, float[] lanes) {
    for (int lane = 0; lane < Lanes.COUNT; lane += LANES) {
      FloatVector sum = FloatVector.zero(F);
      for (int panel = 0; panel < panels; panel++) {
        int at = (panel * rows + row) * PANEL_ROWS;
        for (int i = at + lane; i < at + PANEL_ROWS; i += Lanes.COUNT) {
          sum = sum.add(FloatVector.fromArray(F, weights, i));
        }
      }
      sum.intoArray(lanes, lane);
    }
    return Lanes.sum(lanes);
  }

  private static void weightedValues(
      KvBlockLayout layout, int kvHead, MemorySegment[] blocks, int first, int end, KernelScratch scratch) {
    Activations weights = scratch.attention.weights;
    float[] sums = scratch.attention.rows;
    int rows = weights.rows();
    int columns = weights.paddedColumns();
    Arrays.fill(sums, 0, Math.ceilDiv(layout.headDim(), PANEL_ROWS) * rows * PANEL_ROWS, 0f);
    for (int d = 0; d < layout.headDim(); d += PANEL_ROWS) {
      int lanes = Math.min(PANEL_ROWS, layout.headDim() - d);
      for (int chunk = 0; chunk < columns; chunk += Activations.CHUNK_COLUMNS) {
        int width = Math.min(Activations.CHUNK_COLUMNS, columns - chunk);
        for (int i = 0; i < width; i++) {
          int position = first * PANEL_ROWS + chunk + i;
          MemorySegment block = position < end ? blocks[position / POSITIONS] : null;
          int known = 0;
          if (block != null) {
            known = lanes;
            decodeValues(layout.type(), block, layout.value(kvHead, position, d), lanes, scratch.weights, i * PANEL_ROWS);
          }
          if (known < PANEL_ROWS) {
            Arrays.fill(scratch.weights, i * PANEL_ROWS + known, (i + 1) * PANEL_ROWS, 0f);
          }
        }
        ProductKernel.multiplyTiles(scratch.weights, width, weights, chunk, sums, d * rows);
      }
    }
  }

  private static void decodeValues(KvType type, MemorySegment block, long from, int count, float[] weights, int to) {
    int whole = count - count % LANES;
    switch (type) {
      case F32 -> {
        for (int i = 0; i < whole; i += LANES) {
          VectorLoads.floats(block, from + 4L * i).intoArray(weights, to + i);
        }
      }
      case F16 -> {
        for (int i = 0; i < whole; i += LANES) {
          VectorLoads.halves(block, from + 2L * i).intoArray(weights, to + i);
        }
      }
      case BF16 -> {
        for (int i = 0; i < whole; i += LANES) {
          VectorLoads.upperHalves(block, from + 2L * i).intoArray(weights, to + i);
        }
      }
    }
    for (int i = whole; i < count; i++) {
      weights[to + i] = type.get(block, from + (long) i * type.bytes());
    }
  }

  private static void output(float[] sums, int row, int rows, int headDim, float total, float[] out, int outAt) {
    for (int d = 0; d < headDim; d++) {
      out[outAt + d] = sums[(d / PANEL_ROWS * rows + row) * PANEL_ROWS + d % PANEL_ROWS] / total;
    }
  }
}
