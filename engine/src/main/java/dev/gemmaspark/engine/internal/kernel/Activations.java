package dev.gemmaspark.engine.internal.kernel;

import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;

/**
 * Rows of activations, arranged for products: in chunks of {@link #CHUNK_COLUMNS} columns, each in tiles of {@link #TILE_ROWS} rows (the
 * last ones of eight, four, two and one), each tile [column][row]. So a product reads one chunk after the other, each from its first
 * float to its last.
 *
 * <p>Columns are padded with zeros to whole slices. One thread at a time packs a tile; any number of threads may read once all
 * tiles are packed.
 */
public final class Activations {
  /** Rows of a whole tile: as many as the registers hold sums for. */
  public static final int TILE_ROWS = VectorSpeciesChoice.LANES == 16 ? 12 : 6;

  /** Columns that are multiplied at a time: a panel's weights in them fill three quarters of a small first-level cache. */
  static final int CHUNK_COLUMNS = 3 * PanelFormat.SLICE_COLUMNS;

  /** Floats behind the last one: a range check made before a loop's first turn looks some turns too far. */
  static final int SLACK = 4 * PackedMatrix.PANEL_ROWS;

  private final int maxRows;
  private int rows;
  private int columns;
  final float[] values;

  /**
   * @param maxRows rows that fit
   * @param maxColumns columns that fit
   */
  public Activations(int maxRows, int maxColumns) {
    this.maxRows = maxRows;
    values = new float[maxRows * padded(maxColumns) + SLACK];
  }

  /** Says what is packed next. */
  public void shape(int rows, int columns) {
    if (rows > maxRows || rows * padded(columns) > values.length) {
      throw new IllegalStateException(rows + " x " + columns + " activations do not fit");
    }
    this.rows = rows;
    this.columns = columns;
  }

  public int rows() {
    return rows;
  }

  public int columns() {
    return columns;
  }

  /** Tiles of the current shape. */
  public int tiles() {
    return rows / TILE_ROWS + Integer.bitCount(rows % TILE_ROWS);
  }

  /** First row of a tile. */
  public int firstRow(int tile) {
    int whole = rows / TILE_ROWS;
    int first = Math.min(tile, whole) * TILE_ROWS;
    int left = rows % TILE_ROWS;
    for (int i = whole; i < tile; i++) {
      int height = Integer.highestOneBit(left);
      first += height;
      left -= height;
    }
    return first;
  }

  /** Rows of a tile: {@link #TILE_ROWS}, or a smaller power of two. */
  public int tileRows(int tile) {
    int left = rows - firstRow(tile);
    return left >= TILE_ROWS ? TILE_ROWS : Integer.highestOneBit(left);
  }

  int paddedColumns() {
    return padded(columns);
  }

  /** Where a tile's part of a chunk starts. */
  int offset(int tile, int firstColumn) {
    int width = Math.min(CHUNK_COLUMNS, paddedColumns() - firstColumn);
    return firstColumn * rows + firstRow(tile) * width;
  }

  /** One value, slowly. */
  float get(int row, int column) {
    int tile = 0;
    while (firstRow(tile) + tileRows(tile) <= row) {
      tile++;
    }
    int chunk = column / CHUNK_COLUMNS * CHUNK_COLUMNS;
    return values[offset(tile, chunk) + (column - chunk) * tileRows(tile) + row - firstRow(tile)];
  }

  /**
   * Packs the rows of one tile.
   *
   * @param source rows of {@link #columns} floats, the tile's first at {@code firstRow(tile) * stride}
   * @param stride floats from one row to the next
   */
  public void pack(int tile, float[] source, int stride) {
    int height = tileRows(tile);
    int from = firstRow(tile) * stride;
    int padded = paddedColumns();
    for (int chunk = 0; chunk < padded; chunk += CHUNK_COLUMNS) {
      int to = offset(tile, chunk);
      int end = Math.min(chunk + CHUNK_COLUMNS, padded);
      for (int column = chunk; column < end; column++) {
        for (int row = 0; row < height; row++) {
          values[to + row] = column < columns ? source[from + row * stride + column] : 0;
        }
        to += height;
      }
    }
  }

  /**
   * Packs the rows of one tile from the layout of products.
   *
   * @param source [panel][row][column of the panel], all rows of {@link #columns} floats
   */
  void packPanels(int tile, float[] source) {
    int height = tileRows(tile);
    int first = firstRow(tile);
    for (int chunk = 0; chunk < columns; chunk += CHUNK_COLUMNS) {
      int to = offset(tile, chunk);
      int end = Math.min(chunk + CHUNK_COLUMNS, columns);
      for (int column = chunk; column < end; column++) {
        int from = (column / PackedMatrix.PANEL_ROWS * rows + first) * PackedMatrix.PANEL_ROWS + column % PackedMatrix.PANEL_ROWS;
        for (int row = 0; row < height; row++) {
          values[to + row] = source[from + row * PackedMatrix.PANEL_ROWS];
        }
        to += height;
      }
    }
  }

  private static int padded(int columns) {
    return Math.ceilDiv(columns, PanelFormat.SLICE_COLUMNS) * PanelFormat.SLICE_COLUMNS;
  }
}
