package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.F;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;
import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;
import static dev.gemmaspark.engine.internal.tensor.PanelFormat.SLICE_COLUMNS;

import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Neighbouring panels times all rows of activations. A chunk of a panel's columns is decoded into a scratch that stays in the first-level
 * cache, and multiplied with tile after tile of activations: each weight is read and decoded once for the whole batch, and a chunk of
 * activations, which stays in the second-level cache, serves several panels. A single row is multiplied while the weights are decoded.
 *
 * <p>A tile is as high and wide as its sums fill the registers: twelve rows by two vectors of 512 bits, six by two of shorter ones, which may
 * have 16 registers. Sums are local variables, because an array of vectors makes each of them an object. The loops count in {@code long},
 * which keeps C2 from splitting them for range checks and from spilling sums, and take two columns a turn; both were measured.
 */
final class ProductKernel {
  private ProductKernel() {}

  static void multiplyRows(PackedMatrix matrix, int panel, int panels, Activations x, KernelScratch scratch) {
    TypeKernel kernel = TypeKernel.of(matrix.format());
    int slicesPerBlock = matrix.format().blockColumns() / SLICE_COLUMNS;
    int columns = x.paddedColumns();
    int rows = x.rows();
    float[] y = scratch.products;
    Arrays.fill(y, 0, panels * rows * PANEL_ROWS, 0f);
    for (int chunk = 0; chunk < columns; chunk += Activations.CHUNK_COLUMNS) {
      int width = Math.min(Activations.CHUNK_COLUMNS, columns - chunk);
      for (int i = 0; i < panels; i++) {
        for (int slice = chunk / SLICE_COLUMNS; slice < (chunk + width) / SLICE_COLUMNS; slice++) {
          long block = matrix.blockOffset(panel + i, slice / slicesPerBlock);
          int to = (slice * SLICE_COLUMNS - chunk) * PANEL_ROWS;
          kernel.decode(matrix.data(), block, slice % slicesPerBlock, scratch, to);
        }
        multiplyTiles(scratch.weights, width, x, chunk, y, i * rows * PANEL_ROWS);
      }
    }
  }

  /**
   * Adds a chunk's part to the products of a panel.
   *
   * @param weights of the chunk: [column][row of the panel]
   * @param width columns of the chunk
   * @param y gets the products, [row of activations][row of the panel], from {@code yAt} on
   */
  static void multiplyTiles(float[] weights, int width, Activations x, int chunk, float[] y, int yAt) {
    int tiles = x.tiles();
    for (int lane = 0; lane < PANEL_ROWS; lane += 2 * LANES) {
      for (int tile = 0; tile < tiles; tile++) {
        int height = x.tileRows(tile);
        int valueAt = x.offset(tile, chunk);
        int to = yAt + x.firstRow(tile) * PANEL_ROWS + lane;
        switch (height) {
          case 12 -> tile12x2(weights, lane, width, x.values, valueAt, y, to);
          case 8 -> tile8x2(weights, lane, width, x.values, valueAt, y, to);
          case 6 -> tile6x2(weights, lane, width, x.values, valueAt, y, to);
          case 4 -> tile4x2(weights, lane, width, x.values, valueAt, y, to);
          default -> {
            // four vectors wide, or the sums are too few to hide their latency
            if (lane % (4 * LANES) == 0) {
              if (height == 2) {
                tile2x4(weights, lane, width, x.values, valueAt, y, to);
              } else {
                tile1x4(weights, lane, width, x.values, valueAt, y, to);
              }
            }
          }
        }
      }
    }
  }

  /**
   * Panel by panel in every slice, and not slice by slice in every panel: the processor prefetches each stream of weights for itself, and
   * several streams are further ahead of their use than one.
   */
  static void multiplyRow(PackedMatrix matrix, int panel, int panels, Activations x, KernelScratch scratch) {
    PanelFormat format = matrix.format();
    TypeKernel kernel = TypeKernel.of(format);
    MemorySegment packed = matrix.data();
    int slicesPerBlock = format.blockColumns() / SLICE_COLUMNS;
    Arrays.fill(scratch.products, 0, panels * PANEL_ROWS, 0f);
    for (int slice = 0; slice < matrix.slices(); slice++) {
      for (int i = 0; i < panels; i++) {
        long block = matrix.blockOffset(panel + i, slice / slicesPerBlock);
        kernel.multiplySlice(
            packed, block, slice % slicesPerBlock, x.values, slice * SLICE_COLUMNS, scratch, i * PANEL_ROWS);
      }
    }
  }

  /** Twelve rows of activations times two vectors of the panel's rows, from row {@code lane} on. */
  private static void tile12x2(float[] weights, int lane, int columns, float[] values, int valueAt, float[] y, int yAt) {
    FloatVector sa0 = FloatVector.fromArray(F, y, yAt);
    FloatVector sa1 = FloatVector.fromArray(F, y, yAt + LANES);
    FloatVector sb0 = FloatVector.fromArray(F, y, yAt + PANEL_ROWS);
    FloatVector sb1 = FloatVector.fromArray(F, y, yAt + PANEL_ROWS + LANES);
    FloatVector sc0 = FloatVector.fromArray(F, y, yAt + 2 * PANEL_ROWS);
    FloatVector sc1 = FloatVector.fromArray(F, y, yAt + 2 * PANEL_ROWS + LANES);
    FloatVector sd0 = FloatVector.fromArray(F, y, yAt + 3 * PANEL_ROWS);
    FloatVector sd1 = FloatVector.fromArray(F, y, yAt + 3 * PANEL_ROWS + LANES);
    FloatVector se0 = FloatVector.fromArray(F, y, yAt + 4 * PANEL_ROWS);
    FloatVector se1 = FloatVector.fromArray(F, y, yAt + 4 * PANEL_ROWS + LANES);
    FloatVector sf0 = FloatVector.fromArray(F, y, yAt + 5 * PANEL_ROWS);
    FloatVector sf1 = FloatVector.fromArray(F, y, yAt + 5 * PANEL_ROWS + LANES);
    FloatVector sg0 = FloatVector.fromArray(F, y, yAt + 6 * PANEL_ROWS);
    FloatVector sg1 = FloatVector.fromArray(F, y, yAt + 6 * PANEL_ROWS + LANES);
    FloatVector sh0 = FloatVector.fromArray(F, y, yAt + 7 * PANEL_ROWS);
    FloatVector sh1 = FloatVector.fromArray(F, y, yAt + 7 * PANEL_ROWS + LANES);
    FloatVector si0 = FloatVector.fromArray(F, y, yAt + 8 * PANEL_ROWS);
    FloatVector si1 = FloatVector.fromArray(F, y, yAt + 8 * PANEL_ROWS + LANES);
    FloatVector sj0 = FloatVector.fromArray(F, y, yAt + 9 * PANEL_ROWS);
    FloatVector sj1 = FloatVector.fromArray(F, y, yAt + 9 * PANEL_ROWS + LANES);
    FloatVector sk0 = FloatVector.fromArray(F, y, yAt + 10 * PANEL_ROWS);
    FloatVector sk1 = FloatVector.fromArray(F, y, yAt + 10 * PANEL_ROWS + LANES);
    FloatVector sl0 = FloatVector.fromArray(F, y, yAt + 11 * PANEL_ROWS);
    FloatVector sl1 = FloatVector.fromArray(F, y, yAt + 11 * PANEL_ROWS + LANES);
    int weightAt = lane;
    for (long k = 0; k < columns; k += 2) {
      FloatVector w00 = FloatVector.fromArray(F, weights, weightAt);
      FloatVector w01 = FloatVector.fromArray(F, weights, weightAt + LANES);
      FloatVector x0a = FloatVector.broadcast(F, values[valueAt]);
      sa0 = x0a.fma(w00, sa0);
      sa1 = x0a.fma(w01, sa1);
      FloatVector x0b = FloatVector.broadcast(F, values[valueAt + 1]);
      sb0 = x0b.fma(w00, sb0);
      sb1 = x0b.fma(w01, sb1);
      FloatVector x0c = FloatVector.broadcast(F, values[valueAt + 2]);
      sc0 = x0c.fma(w00, sc0);
      sc1 = x0c.fma(w01, sc1);
      FloatVector x0d = FloatVector.broadcast(F, values[valueAt + 3]);
      sd0 = x0d.fma(w00, sd0);
      sd1 = x0d.fma(w01, sd1);
      FloatVector x0e = FloatVector.broadcast(F, values[valueAt + 4]);
      se0 = x0e.fma(w00, se0);
      se1 = x0e.fma(w01, se1);
      FloatVector x0f = FloatVector.broadcast(F, values[valueAt + 5]);
      sf0 = x0f.fma(w00, sf0);
      sf1 = x0f.fma(w01, sf1);
      FloatVector x0g = FloatVector.broadcast(F, values[valueAt + 6]);
      sg0 = x0g.fma(w00, sg0);
      sg1 = x0g.fma(w01, sg1);
      FloatVector x0h = FloatVector.broadcast(F, values[valueAt + 7]);
      sh0 = x0h.fma(w00, sh0);
      sh1 = x0h.fma(w01, sh1);
      FloatVector x0i = FloatVector.broadcast(F, values[valueAt + 8]);
      si0 = x0i.fma(w00, si0);
      si1 = x0i.fma(w01, si1);
      FloatVector x0j = FloatVector.broadcast(F, values[valueAt + 9]);
      sj0 = x0j.fma(w00, sj0);
      sj1 = x0j.fma(w01, sj1);
      FloatVector x0k = FloatVector.broadcast(F, values[valueAt + 10]);
      sk0 = x0k.fma(w00, sk0);
      sk1 = x0k.fma(w01, sk1);
      FloatVector x0l = FloatVector.broadcast(F, values[valueAt + 11]);
      sl0 = x0l.fma(w00, sl0);
      sl1 = x0l.fma(w01, sl1);
      FloatVector w10 = FloatVector.fromArray(F, weights, weightAt + PANEL_ROWS);
      FloatVector w11 = FloatVector.fromArray(F, weights, weightAt + PANEL_ROWS + LANES);
      FloatVector x1a = FloatVector.broadcast(F, values[valueAt + 12]);
      sa0 = x1a.fma(w10, sa0);
      sa1 = x1a.fma(w11, sa1);
      FloatVector x1b = FloatVector.broadcast(F, values[valueAt + 13]);
      sb0 = x1b.fma(w10, sb0);
      sb1 = x1b.fma(w11, sb1);
      FloatVector x1c = FloatVector.broadcast(F, values[valueAt + 14]);
      sc0 = x1c.fma(w10, sc0);
      sc1 = x1c.fma(w11, sc1);
      FloatVector x1d = FloatVector.broadcast(F, values[valueAt + 15]);
      sd0 = x1d.fma(w10, sd0);
      sd1 = x1d.fma(w11, sd1);
      FloatVector x1e = FloatVector.broadcast(F, values[valueAt + 16]);
      se0 = x1e.fma(w10, se0);
      se1 = x1e.fma(w11, se1);
      FloatVector x1f = FloatVector.broadcast(F, values[valueAt + 17]);
      sf0 = x1f.fma(w10, sf0);
      sf1 = x1f.fma(w11, sf1);
      FloatVector x1g = FloatVector.broadcast(F, values[valueAt + 18]);
      sg0 = x1g.fma(w10, sg0);
      sg1 = x1g.fma(w11, sg1);
      FloatVector x1h = FloatVector.broadcast(F, values[valueAt + 19]);
      sh0 = x1h.fma(w10, sh0);
      sh1 = x1h.fma(w11, sh1);
      FloatVector x1i = FloatVector.broadcast(F, values[valueAt + 20]);
      si0 = x1i.fma(w10, si0);
      si1 = x1i.fma(w11, si1);
      FloatVector x1j = FloatVector.broadcast(F, values[valueAt + 21]);
      sj0 = x1j.fma(w10, sj0);
      sj1 = x1j.fma(w11, sj1);
      FloatVector x1k = FloatVector.broadcast(F, values[valueAt + 22]);
      sk0 = x1k.fma(w10, sk0);
      sk1 = x1k.fma(w11, sk1);
      FloatVector x1l = FloatVector.broadcast(F, values[valueAt + 23]);
      sl0 = x1l.fma(w10, sl0);
      sl1 = x1l.fma(w11, sl1);
      weightAt += 2 * PANEL_ROWS;
      valueAt += 24;
    }
    sa0.intoArray(y, yAt);
    sa1.intoArray(y, yAt + LANES);
    sb0.intoArray(y, yAt + PANEL_ROWS);
    sb1.intoArray(y, yAt + PANEL_ROWS + LANES);
    sc0.intoArray(y, yAt + 2 * PANEL_ROWS);
    sc1.intoArray(y, yAt + 2 * PANEL_ROWS + LANES);
    sd0.intoArray(y, yAt + 3 * PANEL_ROWS);
    sd1.intoArray(y, yAt + 3 * PANEL_ROWS + LANES);
    se0.intoArray(y, yAt + 4 * PANEL_ROWS);
    se1.intoArray(y, yAt + 4 * PANEL_ROWS + LANES);
    sf0.intoArray(y, yAt + 5 * PANEL_ROWS);
    sf1.intoArray(y, yAt + 5 * PANEL_ROWS + LANES);
    sg0.intoArray(y, yAt + 6 * PANEL_ROWS);
    sg1.intoArray(y, yAt + 6 * PANEL_ROWS + LANES);
    sh0.intoArray(y, yAt + 7 * PANEL_ROWS);
    sh1.intoArray(y, yAt + 7 * PANEL_ROWS + LANES);
    si0.intoArray(y, yAt + 8 * PANEL_ROWS);
    si1.intoArray(y, yAt + 8 * PANEL_ROWS + LANES);
    sj0.intoArray(y, yAt + 9 * PANEL_ROWS);
    sj1.intoArray(y, yAt + 9 * PANEL_ROWS + LANES);
    sk0.intoArray(y, yAt + 10 * PANEL_ROWS);
    sk1.intoArray(y, yAt + 10 * PANEL_ROWS + LANES);
    sl0.intoArray(y, yAt + 11 * PANEL_ROWS);
    sl1.intoArray(y, yAt + 11 * PANEL_ROWS + LANES);
  }

  /** Eight rows of activations times two vectors of the panel's rows, from row {@code lane} on. */
  private static void tile8x2(float[] weights, int lane, int columns, float[] values, int valueAt, float[] y, int yAt) {
    FloatVector sa0 = FloatVector.fromArray(F, y, yAt);
    FloatVector sa1 = FloatVector.fromArray(F, y, yAt + LANES);
    FloatVector sb0 = FloatVector.fromArray(F, y, yAt + PANEL_ROWS);
    FloatVector sb1 = FloatVector.fromArray(F, y, yAt + PANEL_ROWS + LANES);
    FloatVector sc0 = FloatVector.fromArray(F, y, yAt + 2 * PANEL_ROWS);
    FloatVector sc1 = FloatVector.fromArray(F, y, yAt + 2 * PANEL_ROWS + LANES);
    FloatVector sd0 = FloatVector.fromArray(F, y, yAt + 3 * PANEL_ROWS);
    FloatVector sd1 = FloatVector.fromArray(F, y, yAt + 3 * PANEL_ROWS + LANES);
    FloatVector se0 = FloatVector.fromArray(F, y, yAt + 4 * PANEL_ROWS);
    FloatVector se1 = FloatVector.fromArray(F, y, yAt + 4 * PANEL_ROWS + LANES);
    FloatVector sf0 = FloatVector.fromArray(F, y, yAt + 5 * PANEL_ROWS);
    FloatVector sf1 = FloatVector.fromArray(F, y, yAt + 5 * PANEL_ROWS + LANES);
    FloatVector sg0 = FloatVector.fromArray(F, y, yAt + 6 * PANEL_ROWS);
    FloatVector sg1 = FloatVector.fromArray(F, y, yAt + 6 * PANEL_ROWS + LANES);
    FloatVector sh0 = FloatVector.fromArray(F, y, yAt + 7 * PANEL_ROWS);
    FloatVector sh1 = FloatVector.fromArray(F, y, yAt + 7 * PANEL_ROWS + LANES);
    int weightAt = lane;
    for (long k = 0; k < columns; k += 2) {
      FloatVector w00 = FloatVector.fromArray(F, weights, weightAt);
      FloatVector w01 = FloatVector.fromArray(F, weights, weightAt + LANES);
      FloatVector x0a = FloatVector.broadcast(F, values[valueAt]);
      sa0 = x0a.fma(w00, sa0);
      sa1 = x0a.fma(w01, sa1);
      FloatVector x0b = FloatVector.broadcast(F, values[valueAt + 1]);
      sb0 = x0b.fma(w00, sb0);
      sb1 = x0b.fma(w01, sb1);
      FloatVector x0c = FloatVector.broadcast(F, values[valueAt + 2]);
      sc0 = x0c.fma(w00, sc0);
      sc1 = x0c.fma(w01, sc1);
      FloatVector x0d = FloatVector.broadcast(F, values[valueAt + 3]);
      sd0 = x0d.fma(w00, sd0);
      sd1 = x0d.fma(w01, sd1);
      FloatVector x0e = FloatVector.broadcast(F, values[valueAt + 4]);
      se0 = x0e.fma(w00, se0);
      se1 = x0e.fma(w01, se1);
      FloatVector x0f = FloatVector.broadcast(F, values[valueAt + 5]);
      sf0 = x0f.fma(w00, sf0);
      sf1 = x0f.fma(w01, sf1);
      FloatVector x0g = FloatVector.broadcast(F, values[valueAt + 6]);
      sg0 = x0g.fma(w00, sg0);
      sg1 = x0g.fma(w01, sg1);
      FloatVector x0h = FloatVector.broadcast(F, values[valueAt + 7]);
      sh0 = x0h.fma(w00, sh0);
      sh1 = x0h.fma(w01, sh1);
      FloatVector w10 = FloatVector.fromArray(F, weights, weightAt + PANEL_ROWS);
      FloatVector w11 = FloatVector.fromArray(F, weights, weightAt + PANEL_ROWS + LANES);
      FloatVector x1a = FloatVector.broadcast(F, values[valueAt + 8]);
      sa0 = x1a.fma(w10, sa0);
      sa1 = x1a.fma(w11, sa1);
      FloatVector x1b = FloatVector.broadcast(F, values[valueAt + 9]);
      sb0 = x1b.fma(w10, sb0);
      sb1 = x1b.fma(w11, sb1);
      FloatVector x1c = FloatVector.broadcast(F, values[valueAt + 10]);
      sc0 = x1c.fma(w10, sc0);
      sc1 = x1c.fma(w11, sc1);
      FloatVector x1d = FloatVector.broadcast(F, values[valueAt + 11]);
      sd0 = x1d.fma(w10, sd0);
      sd1 = x1d.fma(w11, sd1);
      FloatVector x1e = FloatVector.broadcast(F, values[valueAt + 12]);
      se0 = x1e.fma(w10, se0);
      se1 = x1e.fma(w11, se1);
      FloatVector x1f = FloatVector.broadcast(F, values[valueAt + 13]);
      sf0 = x1f.fma(w10, sf0);
      sf1 = x1f.fma(w11, sf1);
      FloatVector x1g = FloatVector.broadcast(F, values[valueAt + 14]);
      sg0 = x1g.fma(w10, sg0);
      sg1 = x1g.fma(w11, sg1);
      FloatVector x1h = FloatVector.broadcast(F, values[valueAt + 15]);
      sh0 = x1h.fma(w10, sh0);
      sh1 = x1h.fma(w11, sh1);
      weightAt += 2 * PANEL_ROWS;
      valueAt += 16;
    }
    sa0.intoArray(y, yAt);
    sa1.intoArray(y, yAt + LANES);
    sb0.intoArray(y, yAt + PANEL_ROWS);
    sb1.intoArray(y, yAt + PANEL_ROWS + LANES);
    sc0.intoArray(y, yAt + 2 * PANEL_ROWS);
    sc1.intoArray(y, yAt + 2 * PANEL_ROWS + LANES);
    sd0.intoArray(y, yAt + 3 * PANEL_ROWS);
    sd1.intoArray(y, yAt + 3 * PANEL_ROWS + LANES);
    se0.intoArray(y, yAt + 4 * PANEL_ROWS);
    se1.intoArray(y, yAt + 4 * PANEL_ROWS + LANES);
    sf0.intoArray(y, yAt + 5 * PANEL_ROWS);
    sf1.intoArray(y, yAt + 5 * PANEL_ROWS + LANES);
    sg0.intoArray(y, yAt + 6 * PANEL_ROWS);
    sg1.intoArray(y, yAt + 6 * PANEL_ROWS + LANES);
    sh0.intoArray(y, yAt + 7 * PANEL_ROWS);
    sh1.intoArray(y, yAt + 7 * PANEL_ROWS + LANES);
  }

  /** Six rows of activations times two vectors of the panel's rows, from row {@code lane} on. */
  private static void tile6x2(float[] weights, int lane, int columns, float[] values, int valueAt, float[] y, int yAt) {
    FloatVector sa0 = FloatVector.fromArray(F, y, yAt);
    FloatVector sa1 = FloatVector.fromArray(F, y, yAt + LANES);
    FloatVector sb0 = FloatVector.fromArray(F, y, yAt + PANEL_ROWS);
    FloatVector sb1 = FloatVector.fromArray(F, y, yAt + PANEL_ROWS + LANES);
    FloatVector sc0 = FloatVector.fromArray(F, y, yAt + 2 * PANEL_ROWS);
    FloatVector sc1 = FloatVector.fromArray(F, y, yAt + 2 * PANEL_ROWS + LANES);
    FloatVector sd0 = FloatVector.fromArray(F, y, yAt + 3 * PANEL_ROWS);
    FloatVector sd1 = FloatVector.fromArray(F, y, yAt + 3 * PANEL_ROWS + LANES);
    FloatVector se0 = FloatVector.fromArray(F, y, yAt + 4 * PANEL_ROWS);
    FloatVector se1 = FloatVector.fromArray(F, y, yAt + 4 * PANEL_ROWS + LANES);
    FloatVector sf0 = FloatVector.fromArray(F, y, yAt + 5 * PANEL_ROWS);
    FloatVector sf1 = FloatVector.fromArray(F, y, yAt + 5 * PANEL_ROWS + LANES);
    int weightAt = lane;
    for (long k = 0; k < columns; k += 2) {
      FloatVector w00 = FloatVector.fromArray(F, weights, weightAt);
      FloatVector w01 = FloatVector.fromArray(F, weights, weightAt + LANES);
      FloatVector x0a = FloatVector.broadcast(F, values[valueAt]);
      sa0 = x0a.fma(w00, sa0);
      sa1 = x0a.fma(w01, sa1);
      FloatVector x0b = FloatVector.broadcast(F, values[valueAt + 1]);
      sb0 = x0b.fma(w00, sb0);
      sb1 = x0b.fma(w01, sb1);
      FloatVector x0c = FloatVector.broadcast(F, values[valueAt + 2]);
      sc0 = x0c.fma(w00, sc0);
      sc1 = x0c.fma(w01, sc1);
      FloatVector x0d = FloatVector.broadcast(F, values[valueAt + 3]);
      sd0 = x0d.fma(w00, sd0);
      sd1 = x0d.fma(w01, sd1);
      FloatVector x0e = FloatVector.broadcast(F, values[valueAt + 4]);
      se0 = x0e.fma(w00, se0);
      se1 = x0e.fma(w01, se1);
      FloatVector x0f = FloatVector.broadcast(F, values[valueAt + 5]);
      sf0 = x0f.fma(w00, sf0);
      sf1 = x0f.fma(w01, sf1);
      FloatVector w10 = FloatVector.fromArray(F, weights, weightAt + PANEL_ROWS);
      FloatVector w11 = FloatVector.fromArray(F, weights, weightAt + PANEL_ROWS + LANES);
      FloatVector x1a = FloatVector.broadcast(F, values[valueAt + 6]);
      sa0 = x1a.fma(w10, sa0);
      sa1 = x1a.fma(w11, sa1);
      FloatVector x1b = FloatVector.broadcast(F, values[valueAt + 7]);
      sb0 = x1b.fma(w10, sb0);
      sb1 = x1b.fma(w11, sb1);
      FloatVector x1c = FloatVector.broadcast(F, values[valueAt + 8]);
      sc0 = x1c.fma(w10, sc0);
      sc1 = x1c.fma(w11, sc1);
      FloatVector x1d = FloatVector.broadcast(F, values[valueAt + 9]);
      sd0 = x1d.fma(w10, sd0);
      sd1 = x1d.fma(w11, sd1);
      FloatVector x1e = FloatVector.broadcast(F, values[valueAt + 10]);
      se0 = x1e.fma(w10, se0);
      se1 = x1e.fma(w11, se1);
      FloatVector x1f = FloatVector.broadcast(F, values[valueAt + 11]);
      sf0 = x1f.fma(w10, sf0);
      sf1 = x1f.fma(w11, sf1);
      weightAt += 2 * PANEL_ROWS;
      valueAt += 12;
    }
    sa0.intoArray(y, yAt);
    sa1.intoArray(y, yAt + LANES);
    sb0.intoArray(y, yAt + PANEL_ROWS);
    sb1.intoArray(y, yAt + PANEL_ROWS + LANES);
    sc0.intoArray(y, yAt + 2 * PANEL_ROWS);
    sc1.intoArray(y, yAt + 2 * PANEL_ROWS + LANES);
    sd0.intoArray(y, yAt + 3 * PANEL_ROWS);
    sd1.intoArray(y, yAt + 3 * PANEL_ROWS + LANES);
    se0.intoArray(y, yAt + 4 * PANEL_ROWS);
    se1.intoArray(y, yAt + 4 * PANEL_ROWS + LANES);
    sf0.intoArray(y, yAt + 5 * PANEL_ROWS);
    sf1.intoArray(y, yAt + 5 * PANEL_ROWS + LANES);
  }

  /** Four rows of activations times two vectors of the panel's rows, from row {@code lane} on. */
  private static void tile4x2(float[] weights, int lane, int columns, float[] values, int valueAt, float[] y, int yAt) {
    FloatVector sa0 = FloatVector.fromArray(F, y, yAt);
    FloatVector sa1 = FloatVector.fromArray(F, y, yAt + LANES);
    FloatVector sb0 = FloatVector.fromArray(F, y, yAt + PANEL_ROWS);
    FloatVector sb1 = FloatVector.fromArray(F, y, yAt + PANEL_ROWS + LANES);
    FloatVector sc0 = FloatVector.fromArray(F, y, yAt + 2 * PANEL_ROWS);
    FloatVector sc1 = FloatVector.fromArray(F, y, yAt + 2 * PANEL_ROWS + LANES);
    FloatVector sd0 = FloatVector.fromArray(F, y, yAt + 3 * PANEL_ROWS);
    FloatVector sd1 = FloatVector.fromArray(F, y, yAt + 3 * PANEL_ROWS + LANES);
    int weightAt = lane;
    for (long k = 0; k < columns; k += 2) {
      FloatVector w00 = FloatVector.fromArray(F, weights, weightAt);
      FloatVector w01 = FloatVector.fromArray(F, weights, weightAt + LANES);
      FloatVector x0a = FloatVector.broadcast(F, values[valueAt]);
      sa0 = x0a.fma(w00, sa0);
      sa1 = x0a.fma(w01, sa1);
      FloatVector x0b = FloatVector.broadcast(F, values[valueAt + 1]);
      sb0 = x0b.fma(w00, sb0);
      sb1 = x0b.fma(w01, sb1);
      FloatVector x0c = FloatVector.broadcast(F, values[valueAt + 2]);
      sc0 = x0c.fma(w00, sc0);
      sc1 = x0c.fma(w01, sc1);
      FloatVector x0d = FloatVector.broadcast(F, values[valueAt + 3]);
      sd0 = x0d.fma(w00, sd0);
      sd1 = x0d.fma(w01, sd1);
      FloatVector w10 = FloatVector.fromArray(F, weights, weightAt + PANEL_ROWS);
      FloatVector w11 = FloatVector.fromArray(F, weights, weightAt + PANEL_ROWS + LANES);
      FloatVector x1a = FloatVector.broadcast(F, values[valueAt + 4]);
      sa0 = x1a.fma(w10, sa0);
      sa1 = x1a.fma(w11, sa1);
      FloatVector x1b = FloatVector.broadcast(F, values[valueAt + 5]);
      sb0 = x1b.fma(w10, sb0);
      sb1 = x1b.fma(w11, sb1);
      FloatVector x1c = FloatVector.broadcast(F, values[valueAt + 6]);
      sc0 = x1c.fma(w10, sc0);
      sc1 = x1c.fma(w11, sc1);
      FloatVector x1d = FloatVector.broadcast(F, values[valueAt + 7]);
      sd0 = x1d.fma(w10, sd0);
      sd1 = x1d.fma(w11, sd1);
      weightAt += 2 * PANEL_ROWS;
      valueAt += 8;
    }
    sa0.intoArray(y, yAt);
    sa1.intoArray(y, yAt + LANES);
    sb0.intoArray(y, yAt + PANEL_ROWS);
    sb1.intoArray(y, yAt + PANEL_ROWS + LANES);
    sc0.intoArray(y, yAt + 2 * PANEL_ROWS);
    sc1.intoArray(y, yAt + 2 * PANEL_ROWS + LANES);
    sd0.intoArray(y, yAt + 3 * PANEL_ROWS);
    sd1.intoArray(y, yAt + 3 * PANEL_ROWS + LANES);
  }

  /** Two rows of activations times four vectors of the panel's rows, from row {@code lane} on. */
  private static void tile2x4(float[] weights, int lane, int columns, float[] values, int valueAt, float[] y, int yAt) {
    FloatVector sa0 = FloatVector.fromArray(F, y, yAt);
    FloatVector sa1 = FloatVector.fromArray(F, y, yAt + LANES);
    FloatVector sa2 = FloatVector.fromArray(F, y, yAt + 2 * LANES);
    FloatVector sa3 = FloatVector.fromArray(F, y, yAt + 3 * LANES);
    FloatVector sb0 = FloatVector.fromArray(F, y, yAt + PANEL_ROWS);
    FloatVector sb1 = FloatVector.fromArray(F, y, yAt + PANEL_ROWS + LANES);
    FloatVector sb2 = FloatVector.fromArray(F, y, yAt + PANEL_ROWS + 2 * LANES);
    FloatVector sb3 = FloatVector.fromArray(F, y, yAt + PANEL_ROWS + 3 * LANES);
    int weightAt = lane;
    for (long k = 0; k < columns; k += 2) {
      FloatVector w00 = FloatVector.fromArray(F, weights, weightAt);
      FloatVector w01 = FloatVector.fromArray(F, weights, weightAt + LANES);
      FloatVector w02 = FloatVector.fromArray(F, weights, weightAt + 2 * LANES);
      FloatVector w03 = FloatVector.fromArray(F, weights, weightAt + 3 * LANES);
      FloatVector x0a = FloatVector.broadcast(F, values[valueAt]);
      sa0 = x0a.fma(w00, sa0);
      sa1 = x0a.fma(w01, sa1);
      sa2 = x0a.fma(w02, sa2);
      sa3 = x0a.fma(w03, sa3);
      FloatVector x0b = FloatVector.broadcast(F, values[valueAt + 1]);
      sb0 = x0b.fma(w00, sb0);
      sb1 = x0b.fma(w01, sb1);
      sb2 = x0b.fma(w02, sb2);
      sb3 = x0b.fma(w03, sb3);
      FloatVector w10 = FloatVector.fromArray(F, weights, weightAt + PANEL_ROWS);
      FloatVector w11 = FloatVector.fromArray(F, weights, weightAt + PANEL_ROWS + LANES);
      FloatVector w12 = FloatVector.fromArray(F, weights, weightAt + PANEL_ROWS + 2 * LANES);
      FloatVector w13 = FloatVector.fromArray(F, weights, weightAt + PANEL_ROWS + 3 * LANES);
      FloatVector x1a = FloatVector.broadcast(F, values[valueAt + 2]);
      sa0 = x1a.fma(w10, sa0);
      sa1 = x1a.fma(w11, sa1);
      sa2 = x1a.fma(w12, sa2);
      sa3 = x1a.fma(w13, sa3);
      FloatVector x1b = FloatVector.broadcast(F, values[valueAt + 3]);
      sb0 = x1b.fma(w10, sb0);
      sb1 = x1b.fma(w11, sb1);
      sb2 = x1b.fma(w12, sb2);
      sb3 = x1b.fma(w13, sb3);
      weightAt += 2 * PANEL_ROWS;
      valueAt += 4;
    }
    sa0.intoArray(y, yAt);
    sa1.intoArray(y, yAt + LANES);
    sa2.intoArray(y, yAt + 2 * LANES);
    sa3.intoArray(y, yAt + 3 * LANES);
    sb0.intoArray(y, yAt + PANEL_ROWS);
    sb1.intoArray(y, yAt + PANEL_ROWS + LANES);
    sb2.intoArray(y, yAt + PANEL_ROWS + 2 * LANES);
    sb3.intoArray(y, yAt + PANEL_ROWS + 3 * LANES);
  }

  /** One row of activations times four vectors of the panel's rows, from row {@code lane} on. */
  static void tile1x4(float[] weights, int lane, int columns, float[] values, int valueAt, float[] y, int yAt) {
    FloatVector sa0 = FloatVector.fromArray(F, y, yAt);
    FloatVector sa1 = FloatVector.fromArray(F, y, yAt + LANES);
    FloatVector sa2 = FloatVector.fromArray(F, y, yAt + 2 * LANES);
    FloatVector sa3 = FloatVector.fromArray(F, y, yAt + 3 * LANES);
    int weightAt = lane;
    for (long k = 0; k < columns; k += 2) {
      FloatVector w00 = FloatVector.fromArray(F, weights, weightAt);
      FloatVector w01 = FloatVector.fromArray(F, weights, weightAt + LANES);
      FloatVector w02 = FloatVector.fromArray(F, weights, weightAt + 2 * LANES);
      FloatVector w03 = FloatVector.fromArray(F, weights, weightAt + 3 * LANES);
      FloatVector x0a = FloatVector.broadcast(F, values[valueAt]);
      sa0 = x0a.fma(w00, sa0);
      sa1 = x0a.fma(w01, sa1);
      sa2 = x0a.fma(w02, sa2);
      sa3 = x0a.fma(w03, sa3);
      FloatVector w10 = FloatVector.fromArray(F, weights, weightAt + PANEL_ROWS);
      FloatVector w11 = FloatVector.fromArray(F, weights, weightAt + PANEL_ROWS + LANES);
      FloatVector w12 = FloatVector.fromArray(F, weights, weightAt + PANEL_ROWS + 2 * LANES);
      FloatVector w13 = FloatVector.fromArray(F, weights, weightAt + PANEL_ROWS + 3 * LANES);
      FloatVector x1a = FloatVector.broadcast(F, values[valueAt + 1]);
      sa0 = x1a.fma(w10, sa0);
      sa1 = x1a.fma(w11, sa1);
      sa2 = x1a.fma(w12, sa2);
      sa3 = x1a.fma(w13, sa3);
      weightAt += 2 * PANEL_ROWS;
      valueAt += 2;
    }
    sa0.intoArray(y, yAt);
    sa1.intoArray(y, yAt + LANES);
    sa2.intoArray(y, yAt + 2 * LANES);
    sa3.intoArray(y, yAt + 3 * LANES);
  }
}
