package dev.gemmaspark.engine.internal.kernel;

import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import java.lang.foreign.MemorySegment;

/**
 * The arithmetic of a forward pass. Two twins that agree to the bit: {@link ScalarKernels} says what is computed, {@link
 * VectorKernels} computes it fast. Stateless; threads bring their own {@link KernelScratch}.
 */
public sealed interface Kernels permits ScalarKernels, VectorKernels {

  /** Panels that are multiplied together at the most. */
  int MAX_PANELS = 4;

  /** The best kernels for this JVM and machine. */
  static Kernels best() {
    return KernelChoice.best();
  }

  /** What was chosen, for people: such as {@code vectors of 512 bits}. */
  String description();

  /**
   * Some neighbouring panels of a matrix times all rows of activations, into {@code scratch.products}: every product is the sum of weight
   * * x over the columns, in order, by fused multiply-add, starting from zero.
   *
   * @param panel the first
   * @param panels how many, up to {@link #MAX_PANELS}
   */
  void multiplyPanels(PackedMatrix matrix, int panel, int panels, Activations x, KernelScratch scratch);

  /** One row of a matrix, decoded into {@code columns} elements from {@code at} on. */
  default void readRow(PackedMatrix matrix, int row, float[] out, int at, KernelScratch scratch) {
    PanelFormat format = matrix.format();
    int slicesPerBlock = format.blockColumns() / PanelFormat.SLICE_COLUMNS;
    for (int slice = 0; slice < matrix.slices(); slice++) {
      long block = matrix.blockOffset(row / PackedMatrix.PANEL_ROWS, slice / slicesPerBlock);
      format.decodeRow(matrix.data(), block, slice % slicesPerBlock, row % PackedMatrix.PANEL_ROWS, scratch.weights, 0, 1);
      int column = slice * PanelFormat.SLICE_COLUMNS;
      System.arraycopy(scratch.weights, 0, out, at + column, Math.min(PanelFormat.SLICE_COLUMNS, matrix.columns() - column));
    }
  }

  /** {@code y[i] = x[i] / sqrt(mean(x^2) + epsilon) * weight[i]}. */
  void rmsNorm(
      float[] x, int xOffset, float[] weight, float[] y, int yOffset, int length, float epsilon, KernelScratch scratch);

  /** {@code y[i] += x[i]}. */
  void add(float[] x, int xOffset, float[] y, int yOffset, int length);

  /** {@code gate[i] = gelu(gate[i]) * up[i]}, with gelu by tanh. */
  void geGlu(float[] gate, int gateOffset, float[] up, int upOffset, int length);

  /** {@code x[i] = cap * tanh(x[i] / cap)}. */
  void softcap(float[] x, int offset, int length, float cap);

  /** {@code weights[i] = exp((logits[i] - max) * scale)}, and exp(-87) where that is less. */
  void softmaxWeights(float[] logits, int offset, int length, float max, float scale, float[] weights);

  /**
   * Rotates the pairs (i, i + headDim / 2) of a head by their angles and scales it.
   *
   * @param cosines headDim / 2 of them from {@code angle} on; {@code sines} likewise
   */
  void rotate(
      float[] x, int offset, int headDim, float[] cosines, float[] sines, int angle, float scale);

  /**
   * Attention of neighbouring tokens of one sequence with one head of keys and values. For every query row: the scores, each the sum of
   * query * key over the head's elements, in order; their softmax, with the sum in 16 lanes by position; and the sum of weight * value over
   * the positions, in order, by fused multiply-add, divided by that sum.
   *
   * @param queries rotated and scaled; those of row i of {@code tokens * group} rows at {@code at + shape.offset(i)}
   * @param tokens at most {@code shape.tokensTogether()}
   * @param position of the first token
   * @param blocks by position / {@link KvBlockLayout#POSITIONS}; those that no token sees may be null
   * @param kvHead which keys and values
   * @param out gets the output of a row where its query is
   */
  void attend(
      AttentionShape shape,
      float[] queries,
      int at,
      int tokens,
      int position,
      MemorySegment[] blocks,
      int kvHead,
      float[] out,
      KernelScratch scratch);
}
