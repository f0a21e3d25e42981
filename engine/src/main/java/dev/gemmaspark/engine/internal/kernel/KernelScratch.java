package dev.gemmaspark.engine.internal.kernel;

import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;

/** Memory that kernels write while they run. One for each thread, so that no step allocates. */
public final class KernelScratch {
  /** Decoded weights of a chunk of a panel's columns: [column][row]. */
  final float[] weights = new float[Activations.CHUNK_COLUMNS * PackedMatrix.PANEL_ROWS + Activations.SLACK];

  /** A slice of half-precision numbers on its way. */
  final short[] halves = new short[PanelFormat.SLICE_COLUMNS * PackedMatrix.PANEL_ROWS];

  /** Of a slice: [row]. */
  final float[] scales = new float[PackedMatrix.PANEL_ROWS];

  /** Of a slice: [row]. */
  final float[] offsets = new float[PackedMatrix.PANEL_ROWS];

  /** The products of some panels: [panel][row of activations][row of the panel]. */
  public final float[] products;

  final AttentionScratch attention;

  final float[] lanes = new float[Lanes.COUNT];

  /**
   * @param maxRows rows of activations in one product
   * @param attention memory of its own
   */
  public KernelScratch(int maxRows, AttentionScratch attention) {
    products = new float[Kernels.MAX_PANELS * maxRows * PackedMatrix.PANEL_ROWS + Activations.SLACK];
    this.attention = attention;
  }
}
