package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.tensor.KvBlockLayout.POSITIONS;
import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;
import static dev.gemmaspark.engine.internal.tensor.PanelFormat.SLICE_COLUMNS;

import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** What is computed, in plain loops: the oracle of the vector kernels, and the fallback where there are no vectors. */
public final class ScalarKernels implements Kernels {
  @Override
  public String description() {
    return "scalar";
  }

  @Override
  public void multiplyPanels(PackedMatrix matrix, int panel, int panels, Activations x, KernelScratch scratch) {
    PanelFormat format = matrix.format();
    int slicesPerBlock = format.blockColumns() / SLICE_COLUMNS;
    Arrays.fill(scratch.products, 0, panels * x.rows() * PANEL_ROWS, 0f);
    for (int i = 0; i < panels; i++) {
      for (int slice = 0; slice < matrix.slices(); slice++) {
        long block = matrix.blockOffset(panel + i, slice / slicesPerBlock);
        format.decode(matrix.data(), block, slice % slicesPerBlock, scratch.weights, 0);
        for (int row = 0; row < x.rows(); row++) {
          multiplySlice(scratch.weights, x, row, slice * SLICE_COLUMNS, scratch.products, (i * x.rows() + row) * PANEL_ROWS);
        }
      }
    }
  }

  private static void multiplySlice(float[] weights, Activations x, int row, int column, float[] y, int yAt) {
    for (int k = 0; k < SLICE_COLUMNS; k++) {
      float value = x.get(row, column + k);
      for (int lane = 0; lane < PANEL_ROWS; lane++) {
        y[yAt + lane] = Math.fma(value, weights[k * PANEL_ROWS + lane], y[yAt + lane]);
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
  public void softmaxWeights(float[] logits, int offset, int length, float max, float scale, float[] weights) {
    softmaxWeights(logits, offset, length, max, scale, weights, 0);
  }

  void softmaxWeights(float[] logits, int offset, int length, float max, float scale, float[] weights, int from) {
    for (int i = from; i < length; i++) {
      weights[i] = ScalarMath.exp((logits[offset + i] - max) * scale);
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
      AttentionShape shape,
      float[] queries,
      int at,
      int tokens,
      int position,
      MemorySegment[] blocks,
      int kvHead,
      float[] out,
      KernelScratch scratch) {
    for (int row = 0; row < tokens * shape.group(); row++) {
      attend(shape, queries, at + shape.offset(row), position + row / shape.group(), blocks, kvHead, out, scratch);
    }
  }

  private static void attend(
      AttentionShape shape, float[] queries, int at, int position, MemorySegment[] blocks, int kvHead, float[] out, KernelScratch scratch) {
    KvBlockLayout layout = shape.layout();
    int start = shape.start(position);
    float[] scores = scratch.attention.scores;
    float max = Float.NEGATIVE_INFINITY;
    for (int i = start; i <= position; i++) {
      float score = 0;
      for (int d = 0; d < layout.headDim(); d++) {
        score = Math.fma(queries[at + d], layout.type().get(blocks[i / POSITIONS], layout.key(kvHead, i, d)), score);
      }
      if (shape.softcap() != 0) {
        score = shape.softcap() * ScalarMath.tanh(score / shape.softcap());
      }
      scores[i - start] = score;
      max = Math.max(max, score);
    }
    Arrays.fill(scratch.lanes, 0f);
    for (int i = start; i <= position; i++) {
      float weight = ScalarMath.exp(scores[i - start] - max);
      scores[i - start] = weight;
      scratch.lanes[i % Lanes.COUNT] += weight;
    }
    float total = Lanes.sum(scratch.lanes);
    for (int d = 0; d < layout.headDim(); d++) {
      float sum = 0;
      for (int i = start; i <= position; i++) {
        sum = Math.fma(scores[i - start], layout.type().get(blocks[i / POSITIONS], layout.value(kvHead, i, d)), sum);
      }
      out[at + d] = sum / total;
    }
  }
}
