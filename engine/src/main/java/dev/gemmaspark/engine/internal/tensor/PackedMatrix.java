package dev.gemmaspark.engine.internal.tensor;

import java.lang.foreign.MemorySegment;

/**
 * A matrix of weights in panels of {@link #PANEL_ROWS} interleaved rows: {@code panels() x blocks()} packed blocks of its
 * {@link PanelFormat}, panel after panel. Rows and columns that the matrix does not have are zero. Immutable; whoever mapped
 * the memory owns it.
 *
 * @param name for messages
 * @param format of the blocks
 * @param rows outputs
 * @param columns inputs
 * @param data {@code packedBytes(format, rows, columns)} bytes, of which the last few are slack
 */
public record PackedMatrix(
    String name, PanelFormat format, int rows, int columns, MemorySegment data) implements Matrix {
  /** Four vectors of 512 bits: enough independent sums to hide the latency of a fused multiply-add. */
  public static final int PANEL_ROWS = 64;

  /**
   * Behind the last block: so that a load of a whole vector stays inside where it asks for less, and a loop's range check made before its
   * first turn, which looks some turns too far, holds.
   */
  private static final int SLACK_BYTES = 1024;

  public PackedMatrix {
    if (data.byteSize() != packedBytes(format, rows, columns)) {
      throw new IllegalStateException(name + ": " + data.byteSize() + " packed bytes");
    }
  }

  /** Bytes of a packed matrix. */
  public static long packedBytes(PanelFormat format, int rows, int columns) {
    return panels(rows) * panelBytes(format, columns) + SLACK_BYTES;
  }

  /** Bytes of one panel. */
  public static long panelBytes(PanelFormat format, int columns) {
    return (long) Math.ceilDiv(columns, format.blockColumns()) * format.blockBytes();
  }

  /** Panels of so many rows. */
  public static int panels(int rows) {
    return Math.ceilDiv(rows, PANEL_ROWS);
  }

  @Override
  public TensorType type() {
    return format.type();
  }

  public int panels() {
    return panels(rows);
  }

  /** Packed blocks of one panel. */
  public int blocks() {
    return Math.ceilDiv(columns, format.blockColumns());
  }

  /** Slices of {@link PanelFormat#SLICE_COLUMNS} columns that hold the matrix's columns. */
  public int slices() {
    return Math.ceilDiv(columns, PanelFormat.SLICE_COLUMNS);
  }

  /** Offset of a packed block in {@link #data}. */
  public long blockOffset(int panel, int block) {
    return ((long) panel * blocks() + block) * format.blockBytes();
  }

  /**
   * Interleaves the rows of one panel.
   *
   * @param target {@link #panelBytes} bytes, all zero
   *
   * @return whether all scales and numbers are finite
   */
  public static boolean packPanel(WeightRows source, int panel, MemorySegment target) {
    TensorType type = source.type();
    PanelFormat format = PanelFormats.of(type);
    int blocksPerRow = source.columns() / type.blockSize();
    int lanes = Math.min(PANEL_ROWS, source.rows() - panel * PANEL_ROWS);
    MemorySegment blocks = source.rows(panel * PANEL_ROWS, lanes);
    long offset = 0;
    boolean finite = true;
    for (int lane = 0; lane < lanes; lane++) {
      for (int block = 0; block < blocksPerRow; block++) {
        int column = block * type.blockSize();
        long packed = (long) (column / format.blockColumns()) * format.blockBytes();
        finite &= format.pack(blocks, offset, column % format.blockColumns(), target, packed, lane);
        offset += type.blockBytes();
      }
    }
    return finite;
  }
}
