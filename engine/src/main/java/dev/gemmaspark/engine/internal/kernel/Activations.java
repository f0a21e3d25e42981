package dev.gemmaspark.engine.internal.kernel;

import dev.gemmaspark.engine.internal.tensor.PanelFormat;

/**
 * Rows of activations, arranged for products: in tiles of {@link #TILE_ROWS} rows (the last ones of four, two and one), each tile
 * [column][row], with the sums of every 16 and 32 columns that weights with offsets need.
 *
 * <p>Columns are padded with zeros to whole slices. One thread at a time packs a tile; any number of threads may read once all
 * tiles are packed.
 */
public final class Activations {
  /** Rows of a whole tile. */
  public static final int TILE_ROWS = 6;

  private static final int GROUP = 16;

  private final int maxRows;
  private int rows;
  private int columns;
  float[] values;
  float[] sums16;
  float[] sums32;

  /**
   * @param maxRows rows that fit
   * @param maxColumns columns that fit
   */
  public Activations(int maxRows, int maxColumns) {
    this.maxRows = maxRows;
    int padded = padded(maxColumns);
    values = new float[maxRows * padded];
    sums16 = new float[maxRows * (padded / GROUP)];
    sums32 = new float[maxRows * (padded / PanelFormat.SLICE_COLUMNS)];
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
    return tiles(rows);
  }

  /** Tiles of so many rows. */
  public static int tiles(int rows) {
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

  /** Rows of a tile: {@link #TILE_ROWS}, 4, 2 or 1. */
  public int tileRows(int tile) {
    int left = rows - firstRow(tile);
    return left >= TILE_ROWS ? TILE_ROWS : Integer.highestOneBit(left);
  }

  int paddedColumns() {
    return padded(columns);
  }

  /** Offset of a tile's first value. */
  int tileOffset(int tile) {
    return firstRow(tile) * paddedColumns();
  }

  /**
   * Packs the rows of one tile.
   *
   * @param source rows of {@link #columns} floats, the tile's first at {@code firstRow(tile) * stride}
   * @param stride floats from one row to the next
   */
  public void pack(int tile, float[] source, int stride) {
    int height = tileRows(tile);
    int first = firstRow(tile);
    int padded = paddedColumns();
    int to = first * padded;
    for (int row = 0; row < height; row++) {
      int from = (first + row) * stride;
      for (int column = 0; column < columns; column++) {
        values[to + column * height + row] = source[from + column];
      }
      for (int column = columns; column < padded; column++) {
        values[to + column * height + row] = 0;
      }
      sum(to + row, height, first * (padded / GROUP) + row, first * (padded / PanelFormat.SLICE_COLUMNS) + row);
    }
  }

  private void sum(int from, int height, int to16, int to32) {
    int groups = paddedColumns() / GROUP;
    for (int group = 0; group < groups; group += 2) {
      float even = treeSum(from + group * GROUP * height, height);
      float odd = treeSum(from + (group + 1) * GROUP * height, height);
      sums16[to16 + group * height] = even;
      sums16[to16 + (group + 1) * height] = odd;
      sums32[to32 + group / 2 * height] = even + odd;
    }
  }

  private float treeSum(int from, int step) {
    float a = (values[from] + values[from + step]) + (values[from + 2 * step] + values[from + 3 * step]);
    int at = from + 4 * step;
    float b = (values[at] + values[at + step]) + (values[at + 2 * step] + values[at + 3 * step]);
    at += 4 * step;
    float c = (values[at] + values[at + step]) + (values[at + 2 * step] + values[at + 3 * step]);
    at += 4 * step;
    float d = (values[at] + values[at + step]) + (values[at + 2 * step] + values[at + 3 * step]);
    return (a + b) + (c + d);
  }

  private static int padded(int columns) {
    return Math.ceilDiv(columns, PanelFormat.SLICE_COLUMNS) * PanelFormat.SLICE_COLUMNS;
  }
}
