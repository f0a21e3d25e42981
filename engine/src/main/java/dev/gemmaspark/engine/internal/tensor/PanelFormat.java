package dev.gemmaspark.engine.internal.tensor;

import java.lang.foreign.MemorySegment;

/**
 * All that is known of one weight type's bytes: the row-major blocks of model files, and the packed panels that kernels read.
 *
 * <p>A panel interleaves {@link PackedMatrix#PANEL_ROWS} rows of a matrix, so that neighbouring vector lanes are neighbouring
 * outputs: products need no horizontal sums, and the order in which an output is summed depends on nothing. A packed block
 * holds {@link #blockColumns} columns of all rows of a panel, in slices of {@link #SLICE_COLUMNS} columns. Every weight is
 *
 * <pre>weight = scale * q + offset</pre>
 *
 * where {@code q} is what the file stores, and scale and offset are shared by neighbouring columns of one row; it is rounded once, as by a
 * fused multiply-add. Plain numbers are their own weights. Implementations are stateless.
 */
public interface PanelFormat {
  /** Columns that are unpacked at a time. */
  int SLICE_COLUMNS = 32;

  /** The type that this format packs. */
  TensorType type();

  /** Columns of one packed block: a multiple of {@link #SLICE_COLUMNS} and of the type's own block size. */
  int blockColumns();

  /** Bytes of one packed block. */
  int blockBytes();

  /**
   * Decodes one block of a row as the model file has it.
   *
   * @param source the matrix
   * @param offset of the block's first byte
   * @param out gets {@code type().blockSize()} weights
   * @param outOffset where the first goes
   */
  void dequantize(MemorySegment source, long offset, float[] out, int outOffset);

  /**
   * Moves one block of a row into its lane of a packed block.
   *
   * @param source the matrix as the model file has it
   * @param offset of the block's first byte
   * @param column the block's first column within the packed block
   * @param packed where the packed block is
   * @param packedOffset of the packed block's first byte
   * @param lane the row's place in the panel
   * @return whether scales and numbers are finite
   */
  boolean pack(
      MemorySegment source, long offset, int column, MemorySegment packed, long packedOffset, int lane);

  /**
   * Decodes one row of a slice of a packed block.
   *
   * @param packed where the packed block is
   * @param packedOffset of the packed block's first byte
   * @param slice index of the slice within the block
   * @param row of the panel
   * @param weights gets the row's weights
   * @param to where the first goes
   * @param stride from one weight to the next
   */
  void decodeRow(MemorySegment packed, long packedOffset, int slice, int row, float[] weights, int to, int stride);

  /**
   * Decodes one slice of a packed block: the scalar twin of the vector kernels.
   *
   * @param weights gets the slice: [column][row]
   * @param to where the first goes
   */
  default void decode(MemorySegment packed, long packedOffset, int slice, float[] weights, int to) {
    for (int row = 0; row < PackedMatrix.PANEL_ROWS; row++) {
      decodeRow(packed, packedOffset, slice, row, weights, to + row, PackedMatrix.PANEL_ROWS);
    }
  }
}
