package dev.gemmaspark.engine.internal.tensor;

import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;
import static dev.gemmaspark.engine.internal.tensor.PanelFormat.SLICE_COLUMNS;

/**
 * Some columns of a panel, taken apart into floats: small enough for the first-level cache next to the activations that it is
 * multiplied with. Belongs to one thread.
 */
public final class DecodedPanel {
  /** Slices that fit. */
  public static final int SLICES = 4;

  /** The fewest columns that share a scale. */
  private static final int SMALLEST_GROUP = 16;

  /** What the file stores: [column][row]. */
  public final float[] q = new float[SLICES * SLICE_COLUMNS * PANEL_ROWS];

  /** [group][row]. */
  public final float[] scales = new float[SLICES * SLICE_COLUMNS / SMALLEST_GROUP * PANEL_ROWS];

  /** [group][row]. */
  public final float[] offsets = new float[SLICES * SLICE_COLUMNS / SMALLEST_GROUP * PANEL_ROWS];

  /** A slice of half-precision numbers on its way. */
  public final short[] halves = new short[SLICE_COLUMNS * PANEL_ROWS];
}
