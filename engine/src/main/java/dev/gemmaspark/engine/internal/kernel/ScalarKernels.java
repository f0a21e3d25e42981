package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.tensor.KvBlockLayout.POSITIONS;
import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;
import static dev.gemmaspark.engine.internal.tensor.PanelFormat.SLICE_COLUMNS;

import dev.gemmaspark.engine.internal.tensor.DecodedPanel;
import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** What is computed, in plain loops: the oracle of the vector kernels, and the fallback where there are no vectors. */
public final class ScalarKernels implements Kernels {
  @Override
  public String description() {
    return "scalar";
  }

  @Override
  public void multiplyPanel(PackedMatrix matrix, int panel, Activations x, KernelScratch scratch) {
    PanelFormat format = matrix.format();
    int slicesPerBlock = format.blockColumns() / SLICE_COLUMNS;
    Arrays.fill(scratch.products, 0, x.rows() * PANEL_ROWS, 0f);
    for (int slice = 0; slice < matrix.slices(); slice++) {
      long block = matrix.blockOffset(panel, slice / slicesPerBlock);
      format.unpack(matrix.data(), block, slice % slicesPerBlock, scratch.panel, 0);
      for (int tile = 0; tile < x.tiles(); tile++) {
        multiplySlice(format, scratch.panel, x, tile, slice, scratch.products);
      }
    }
  }

  private static void multiplySlice(
      PanelFormat format, DecodedPanel panel, Activations x, int tile, int slice, float[] products) {
    int group = format.groupColumns();
    int groups = SLICE_COLUMNS / group;
    int height = x.tileRows(tile);
    float[] sums = group == 16 ? x.sums16 : x.sums32;
    int sumsOffset = x.firstRow(tile) * (x.paddedColumns() / group);
    for (int row = 0; row < height; row++) {
      for (int lane = 0; lane < PANEL_ROWS; lane++) {
        int out = (x.firstRow(tile) + row) * PANEL_ROWS + lane;
        for (int g = 0; g < groups; g++) {
          float sum = 0;
          for (int k = g * group; k < (g + 1) * group; k++) {
            float value = x.values[x.tileOffset(tile) + (slice * SLICE_COLUMNS + k) * height + row];
            sum = Math.fma(value, panel.q[k * PANEL_ROWS + lane], sum);
          }
          products[out] = Math.fma(panel.scales[g * PANEL_ROWS + lane], sum, products[out]);
          float groupSum = sums[sumsOffset + (slice * groups + g) * height + row];
          products[out] = Math.fma(panel.offsets[g * PANEL_ROWS + lane], groupSum, products[out]);
        }
      }
    }
  }

  @Override
  public void rmsNorm(
      float[] x, int xOffset, float[] weight, float[] y, int yOffset, int length, float epsilon, KernelScratch scratch) {
    Arrays.fill(scratch.lanes, 0f);
    for (int i = 0; i < length; i++) {
      float value = x[xOffset + i];
      scratch.lanes[i % Lanes.COUNT] = Math.fma(value, value, scratch.lanes[i % Lanes.COUNT]);
    }
    float scale = inverseRootMean(Lanes.sum(scratch.lanes), length, epsilon);
    for (int i = 0; i < length; i++) {
      y[yOffset + i] = x[xOffset + i] * scale * weight[i];
    }
  }

  static float inverseRootMean(float sumOfSquares, int length, float epsilon) {
    return (float) (1.0 / Math.sqrt(sumOfSquares / length + epsilon));
  }

  @Override
  public void add(float[] x, int xOffset, float[] y, int yOffset, int length) {
    for (int i = 0; i < length; i++) {
      y[yOffset + i] += x[xOffset + i];
    }
  }

  @Override
  public void geGlu(float[] gate, int gateOffset, float[] up, int upOffset, int length) {
    for (int i = 0; i < length; i++) {
      gate[gateOffset + i] = ScalarMath.gelu(gate[gateOffset + i]) * up[upOffset + i];
    }
  }

  @Override
  public void softcap(float[] x, int offset, int length, float cap) {
    for (int i = offset; i < offset + length; i++) {
      x[i] = cap * ScalarMath.tanh(x[i] / cap);
    }
  }

  @Override
  public void rotate(
      float[] x, int offset, int headDim, float[] cosines, float[] sines, int angle, float scale) {
    int half = headDim / 2;
    for (int i = 0; i < half; i++) {
      float a = x[offset + i];
      float b = x[offset + half + i];
      float cosine = cosines[angle + i];
      float sine = sines[angle + i];
      x[offset + i] = Math.fma(a, cosine, -(b * sine)) * scale;
      x[offset + half + i] = Math.fma(b, cosine, a * sine) * scale;
    }
  }

  @Override
  public void attend(
      float[] query,
      int queryOffset,
      MemorySegment[] blocks,
      KvBlockLayout layout,
      int kvHead,
      int start,
      int end,
      float softcap,
      float[] out,
      int outOffset,
      KernelScratch scratch) {
    int base = start / POSITIONS * POSITIONS;
    float[] scores = scratch.scores;
    float max = Float.NEGATIVE_INFINITY;
    for (int position = start; position < end; position++) {
      MemorySegment block = blocks[position / POSITIONS];
      float score = 0;
      for (int d = 0; d < layout.headDim(); d++) {
        score = Math.fma(query[queryOffset + d], key(block, layout, kvHead, d, position), score);
      }
      if (softcap != 0) {
        score = softcap * ScalarMath.tanh(score / softcap);
      }
      scores[position - base] = score;
      max = Math.max(max, score);
    }
    Arrays.fill(scratch.lanes, 0f);
    for (int position = start; position < end; position++) {
      float weight = ScalarMath.exp(scores[position - base] - max);
      scores[position - base] = weight;
      scratch.lanes[position % Lanes.COUNT] += weight;
    }
    float total = Lanes.sum(scratch.lanes);
    for (int d = 0; d < layout.headDim(); d++) {
      float sum = 0;
      for (int position = start; position < end; position++) {
        float value = value(blocks[position / POSITIONS], layout, kvHead, d, position);
        sum = Math.fma(scores[position - base], value, sum);
      }
      out[outOffset + d] = sum / total;
    }
  }

  private static float key(MemorySegment block, KvBlockLayout layout, int kvHead, int d, int position) {
    long index = (long) d * POSITIONS + position % POSITIONS;
    return block.get(ValueLayout.JAVA_FLOAT, layout.keys(kvHead) + index * Float.BYTES);
  }

  private static float value(MemorySegment block, KvBlockLayout layout, int kvHead, int d, int position) {
    long index = (long) (position % POSITIONS) * layout.headDim() + d;
    return block.get(ValueLayout.JAVA_FLOAT, layout.values(kvHead) + index * Float.BYTES);
  }
}
