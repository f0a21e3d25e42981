package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.F;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;
import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;
import static dev.gemmaspark.engine.internal.tensor.PanelFormat.SLICE_COLUMNS;

import dev.gemmaspark.engine.internal.tensor.DecodedPanel;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * One panel times all rows of activations. Some slices of the panel are unpacked into a scratch that stays in the first-level
 * cache, and multiplied with tile after tile of activations before the next slices are: each weight is read and unpacked once for
 * the whole batch.
 *
 * <p>Tiles are six rows high: with four vectors of 512 bits, or two of 256, their sums fill the registers and not more, and hide the latency
 * of the multiply-add. Sums are local variables, because an array of vectors makes each of them an object; and there is no branch between
 * them, because C2 keeps objects of them for a branch that it has not seen taken: a weight without an offset has the offset zero.
 */
final class ProductKernel {
  /** Vectors of 512 bits come with 32 registers; others may have 16. */
  private static final boolean WIDE = LANES == 16;

  private ProductKernel() {}

  static void multiplyPanel(PackedMatrix matrix, int panel, Activations x, KernelScratch scratch) {
    PanelFormat format = matrix.format();
    TypeKernel kernel = TypeKernel.of(format);
    int slicesPerBlock = format.blockColumns() / SLICE_COLUMNS;
    int groupsPerSlice = SLICE_COLUMNS / format.groupColumns();
    int slices = matrix.slices();
    float[] y = scratch.products;
    Arrays.fill(y, 0, x.rows() * PANEL_ROWS, 0f);
    for (int first = 0; first < slices; first += DecodedPanel.SLICES) {
      int count = Math.min(DecodedPanel.SLICES, slices - first);
      for (int i = 0; i < count; i++) {
        long block = matrix.blockOffset(panel, (first + i) / slicesPerBlock);
        kernel.unpack(format, matrix.data(), block, (first + i) % slicesPerBlock, scratch.panel, i);
      }
      int tiles = x.tiles();
      for (int tile = 0; tile < tiles; tile++) {
        int height = x.tileRows(tile);
        int groups = count * groupsPerSlice;
        int xAt = x.tileOffset(tile) + first * SLICE_COLUMNS * height;
        int sumAt =
            x.firstRow(tile) * (x.paddedColumns() / format.groupColumns()) + first * groupsPerSlice * height;
        multiplyTile(format, scratch.panel, groups, height, x, xAt, sumAt, y, x.firstRow(tile) * PANEL_ROWS);
      }
    }
  }

  private static void multiplyTile(
      PanelFormat format, DecodedPanel panel, int groups, int height, Activations x, int xAt, int sumAt, float[] y, int yAt) {
    int step = width(height) * LANES;
    for (int lane = 0; lane < PANEL_ROWS; lane += step) {
      switch (height) {
        case 6 -> {
          if (WIDE) {
            tile6x4(format, panel, groups, lane, x, xAt, sumAt, y, yAt + lane);
          } else {
            tile6x2(format, panel, groups, lane, x, xAt, sumAt, y, yAt + lane);
          }
        }
        case 4 -> {
          if (WIDE) {
            tile4x4(format, panel, groups, lane, x, xAt, sumAt, y, yAt + lane);
          } else {
            tile4x2(format, panel, groups, lane, x, xAt, sumAt, y, yAt + lane);
          }
        }
        case 2 -> tile2x4(format, panel, groups, lane, x, xAt, sumAt, y, yAt + lane);
        default -> tile1x4(format, panel, groups, lane, x, xAt, sumAt, y, yAt + lane);
      }
    }
  }

  /** Vectors of a tile of this height. */
  private static int width(int height) {
    return WIDE || height < 4 ? 4 : 2;
  }

  /** 6 rows of activations times 4 vectors of the panel's rows, from row {@code lane} on. */
  private static void tile6x4(
      PanelFormat format, DecodedPanel panel, int groups, int lane, Activations x, int valueAt, int sumAt, float[] y, int yAt) {
    int length = format.groupColumns();
    float[] sums = length == 16 ? x.sums16 : x.sums32;
    float[] values = x.values;
    float[] q = panel.q;
    int qAt = lane;
    for (int group = 0; group < groups; group++) {
      FloatVector s00 = FloatVector.zero(F);
      FloatVector s01 = FloatVector.zero(F);
      FloatVector s02 = FloatVector.zero(F);
      FloatVector s03 = FloatVector.zero(F);
      FloatVector s10 = FloatVector.zero(F);
      FloatVector s11 = FloatVector.zero(F);
      FloatVector s12 = FloatVector.zero(F);
      FloatVector s13 = FloatVector.zero(F);
      FloatVector s20 = FloatVector.zero(F);
      FloatVector s21 = FloatVector.zero(F);
      FloatVector s22 = FloatVector.zero(F);
      FloatVector s23 = FloatVector.zero(F);
      FloatVector s30 = FloatVector.zero(F);
      FloatVector s31 = FloatVector.zero(F);
      FloatVector s32 = FloatVector.zero(F);
      FloatVector s33 = FloatVector.zero(F);
      FloatVector s40 = FloatVector.zero(F);
      FloatVector s41 = FloatVector.zero(F);
      FloatVector s42 = FloatVector.zero(F);
      FloatVector s43 = FloatVector.zero(F);
      FloatVector s50 = FloatVector.zero(F);
      FloatVector s51 = FloatVector.zero(F);
      FloatVector s52 = FloatVector.zero(F);
      FloatVector s53 = FloatVector.zero(F);
      for (int k = 0; k < length; k++) {
        FloatVector w0 = FloatVector.fromArray(F, q, qAt);
        FloatVector w1 = FloatVector.fromArray(F, q, qAt + LANES);
        FloatVector w2 = FloatVector.fromArray(F, q, qAt + 2 * LANES);
        FloatVector w3 = FloatVector.fromArray(F, q, qAt + 3 * LANES);
        FloatVector x0 = FloatVector.broadcast(F, values[valueAt]);
        s00 = x0.fma(w0, s00);
        s01 = x0.fma(w1, s01);
        s02 = x0.fma(w2, s02);
        s03 = x0.fma(w3, s03);
        FloatVector x1 = FloatVector.broadcast(F, values[valueAt + 1]);
        s10 = x1.fma(w0, s10);
        s11 = x1.fma(w1, s11);
        s12 = x1.fma(w2, s12);
        s13 = x1.fma(w3, s13);
        FloatVector x2 = FloatVector.broadcast(F, values[valueAt + 2]);
        s20 = x2.fma(w0, s20);
        s21 = x2.fma(w1, s21);
        s22 = x2.fma(w2, s22);
        s23 = x2.fma(w3, s23);
        FloatVector x3 = FloatVector.broadcast(F, values[valueAt + 3]);
        s30 = x3.fma(w0, s30);
        s31 = x3.fma(w1, s31);
        s32 = x3.fma(w2, s32);
        s33 = x3.fma(w3, s33);
        FloatVector x4 = FloatVector.broadcast(F, values[valueAt + 4]);
        s40 = x4.fma(w0, s40);
        s41 = x4.fma(w1, s41);
        s42 = x4.fma(w2, s42);
        s43 = x4.fma(w3, s43);
        FloatVector x5 = FloatVector.broadcast(F, values[valueAt + 5]);
        s50 = x5.fma(w0, s50);
        s51 = x5.fma(w1, s51);
        s52 = x5.fma(w2, s52);
        s53 = x5.fma(w3, s53);
        qAt += PANEL_ROWS;
        valueAt += 6;
      }
      int scaleAt = group * PANEL_ROWS + lane;
      FloatVector c0 = FloatVector.fromArray(F, panel.scales, scaleAt);
      FloatVector c1 = FloatVector.fromArray(F, panel.scales, scaleAt + LANES);
      FloatVector c2 = FloatVector.fromArray(F, panel.scales, scaleAt + 2 * LANES);
      FloatVector c3 = FloatVector.fromArray(F, panel.scales, scaleAt + 3 * LANES);
      s00 = s00.fma(c0, FloatVector.fromArray(F, y, yAt));
      s01 = s01.fma(c1, FloatVector.fromArray(F, y, yAt + LANES));
      s02 = s02.fma(c2, FloatVector.fromArray(F, y, yAt + 2 * LANES));
      s03 = s03.fma(c3, FloatVector.fromArray(F, y, yAt + 3 * LANES));
      s10 = s10.fma(c0, FloatVector.fromArray(F, y, yAt + PANEL_ROWS));
      s11 = s11.fma(c1, FloatVector.fromArray(F, y, yAt + PANEL_ROWS + LANES));
      s12 = s12.fma(c2, FloatVector.fromArray(F, y, yAt + PANEL_ROWS + 2 * LANES));
      s13 = s13.fma(c3, FloatVector.fromArray(F, y, yAt + PANEL_ROWS + 3 * LANES));
      s20 = s20.fma(c0, FloatVector.fromArray(F, y, yAt + 2 * PANEL_ROWS));
      s21 = s21.fma(c1, FloatVector.fromArray(F, y, yAt + 2 * PANEL_ROWS + LANES));
      s22 = s22.fma(c2, FloatVector.fromArray(F, y, yAt + 2 * PANEL_ROWS + 2 * LANES));
      s23 = s23.fma(c3, FloatVector.fromArray(F, y, yAt + 2 * PANEL_ROWS + 3 * LANES));
      s30 = s30.fma(c0, FloatVector.fromArray(F, y, yAt + 3 * PANEL_ROWS));
      s31 = s31.fma(c1, FloatVector.fromArray(F, y, yAt + 3 * PANEL_ROWS + LANES));
      s32 = s32.fma(c2, FloatVector.fromArray(F, y, yAt + 3 * PANEL_ROWS + 2 * LANES));
      s33 = s33.fma(c3, FloatVector.fromArray(F, y, yAt + 3 * PANEL_ROWS + 3 * LANES));
      s40 = s40.fma(c0, FloatVector.fromArray(F, y, yAt + 4 * PANEL_ROWS));
      s41 = s41.fma(c1, FloatVector.fromArray(F, y, yAt + 4 * PANEL_ROWS + LANES));
      s42 = s42.fma(c2, FloatVector.fromArray(F, y, yAt + 4 * PANEL_ROWS + 2 * LANES));
      s43 = s43.fma(c3, FloatVector.fromArray(F, y, yAt + 4 * PANEL_ROWS + 3 * LANES));
      s50 = s50.fma(c0, FloatVector.fromArray(F, y, yAt + 5 * PANEL_ROWS));
      s51 = s51.fma(c1, FloatVector.fromArray(F, y, yAt + 5 * PANEL_ROWS + LANES));
      s52 = s52.fma(c2, FloatVector.fromArray(F, y, yAt + 5 * PANEL_ROWS + 2 * LANES));
      s53 = s53.fma(c3, FloatVector.fromArray(F, y, yAt + 5 * PANEL_ROWS + 3 * LANES));
      FloatVector o0 = FloatVector.fromArray(F, panel.offsets, scaleAt);
      FloatVector o1 = FloatVector.fromArray(F, panel.offsets, scaleAt + LANES);
      FloatVector o2 = FloatVector.fromArray(F, panel.offsets, scaleAt + 2 * LANES);
      FloatVector o3 = FloatVector.fromArray(F, panel.offsets, scaleAt + 3 * LANES);
      FloatVector g0 = FloatVector.broadcast(F, sums[sumAt]);
      s00 = g0.fma(o0, s00);
      s01 = g0.fma(o1, s01);
      s02 = g0.fma(o2, s02);
      s03 = g0.fma(o3, s03);
      FloatVector g1 = FloatVector.broadcast(F, sums[sumAt + 1]);
      s10 = g1.fma(o0, s10);
      s11 = g1.fma(o1, s11);
      s12 = g1.fma(o2, s12);
      s13 = g1.fma(o3, s13);
      FloatVector g2 = FloatVector.broadcast(F, sums[sumAt + 2]);
      s20 = g2.fma(o0, s20);
      s21 = g2.fma(o1, s21);
      s22 = g2.fma(o2, s22);
      s23 = g2.fma(o3, s23);
      FloatVector g3 = FloatVector.broadcast(F, sums[sumAt + 3]);
      s30 = g3.fma(o0, s30);
      s31 = g3.fma(o1, s31);
      s32 = g3.fma(o2, s32);
      s33 = g3.fma(o3, s33);
      FloatVector g4 = FloatVector.broadcast(F, sums[sumAt + 4]);
      s40 = g4.fma(o0, s40);
      s41 = g4.fma(o1, s41);
      s42 = g4.fma(o2, s42);
      s43 = g4.fma(o3, s43);
      FloatVector g5 = FloatVector.broadcast(F, sums[sumAt + 5]);
      s50 = g5.fma(o0, s50);
      s51 = g5.fma(o1, s51);
      s52 = g5.fma(o2, s52);
      s53 = g5.fma(o3, s53);
      s00.intoArray(y, yAt);
      s01.intoArray(y, yAt + LANES);
      s02.intoArray(y, yAt + 2 * LANES);
      s03.intoArray(y, yAt + 3 * LANES);
      s10.intoArray(y, yAt + PANEL_ROWS);
      s11.intoArray(y, yAt + PANEL_ROWS + LANES);
      s12.intoArray(y, yAt + PANEL_ROWS + 2 * LANES);
      s13.intoArray(y, yAt + PANEL_ROWS + 3 * LANES);
      s20.intoArray(y, yAt + 2 * PANEL_ROWS);
      s21.intoArray(y, yAt + 2 * PANEL_ROWS + LANES);
      s22.intoArray(y, yAt + 2 * PANEL_ROWS + 2 * LANES);
      s23.intoArray(y, yAt + 2 * PANEL_ROWS + 3 * LANES);
      s30.intoArray(y, yAt + 3 * PANEL_ROWS);
      s31.intoArray(y, yAt + 3 * PANEL_ROWS + LANES);
      s32.intoArray(y, yAt + 3 * PANEL_ROWS + 2 * LANES);
      s33.intoArray(y, yAt + 3 * PANEL_ROWS + 3 * LANES);
      s40.intoArray(y, yAt + 4 * PANEL_ROWS);
      s41.intoArray(y, yAt + 4 * PANEL_ROWS + LANES);
      s42.intoArray(y, yAt + 4 * PANEL_ROWS + 2 * LANES);
      s43.intoArray(y, yAt + 4 * PANEL_ROWS + 3 * LANES);
      s50.intoArray(y, yAt + 5 * PANEL_ROWS);
      s51.intoArray(y, yAt + 5 * PANEL_ROWS + LANES);
      s52.intoArray(y, yAt + 5 * PANEL_ROWS + 2 * LANES);
      s53.intoArray(y, yAt + 5 * PANEL_ROWS + 3 * LANES);
      sumAt += 6;
    }
  }

  /** 6 rows of activations times 2 vectors of the panel's rows, from row {@code lane} on. */
  private static void tile6x2(
      PanelFormat format, DecodedPanel panel, int groups, int lane, Activations x, int valueAt, int sumAt, float[] y, int yAt) {
    int length = format.groupColumns();
    float[] sums = length == 16 ? x.sums16 : x.sums32;
    float[] values = x.values;
    float[] q = panel.q;
    int qAt = lane;
    for (int group = 0; group < groups; group++) {
      FloatVector s00 = FloatVector.zero(F);
      FloatVector s01 = FloatVector.zero(F);
      FloatVector s10 = FloatVector.zero(F);
      FloatVector s11 = FloatVector.zero(F);
      FloatVector s20 = FloatVector.zero(F);
      FloatVector s21 = FloatVector.zero(F);
      FloatVector s30 = FloatVector.zero(F);
      FloatVector s31 = FloatVector.zero(F);
      FloatVector s40 = FloatVector.zero(F);
      FloatVector s41 = FloatVector.zero(F);
      FloatVector s50 = FloatVector.zero(F);
      FloatVector s51 = FloatVector.zero(F);
      for (int k = 0; k < length; k++) {
        FloatVector w0 = FloatVector.fromArray(F, q, qAt);
        FloatVector w1 = FloatVector.fromArray(F, q, qAt + LANES);
        FloatVector x0 = FloatVector.broadcast(F, values[valueAt]);
        s00 = x0.fma(w0, s00);
        s01 = x0.fma(w1, s01);
        FloatVector x1 = FloatVector.broadcast(F, values[valueAt + 1]);
        s10 = x1.fma(w0, s10);
        s11 = x1.fma(w1, s11);
        FloatVector x2 = FloatVector.broadcast(F, values[valueAt + 2]);
        s20 = x2.fma(w0, s20);
        s21 = x2.fma(w1, s21);
        FloatVector x3 = FloatVector.broadcast(F, values[valueAt + 3]);
        s30 = x3.fma(w0, s30);
        s31 = x3.fma(w1, s31);
        FloatVector x4 = FloatVector.broadcast(F, values[valueAt + 4]);
        s40 = x4.fma(w0, s40);
        s41 = x4.fma(w1, s41);
        FloatVector x5 = FloatVector.broadcast(F, values[valueAt + 5]);
        s50 = x5.fma(w0, s50);
        s51 = x5.fma(w1, s51);
        qAt += PANEL_ROWS;
        valueAt += 6;
      }
      int scaleAt = group * PANEL_ROWS + lane;
      FloatVector c0 = FloatVector.fromArray(F, panel.scales, scaleAt);
      FloatVector c1 = FloatVector.fromArray(F, panel.scales, scaleAt + LANES);
      s00 = s00.fma(c0, FloatVector.fromArray(F, y, yAt));
      s01 = s01.fma(c1, FloatVector.fromArray(F, y, yAt + LANES));
      s10 = s10.fma(c0, FloatVector.fromArray(F, y, yAt + PANEL_ROWS));
      s11 = s11.fma(c1, FloatVector.fromArray(F, y, yAt + PANEL_ROWS + LANES));
      s20 = s20.fma(c0, FloatVector.fromArray(F, y, yAt + 2 * PANEL_ROWS));
      s21 = s21.fma(c1, FloatVector.fromArray(F, y, yAt + 2 * PANEL_ROWS + LANES));
      s30 = s30.fma(c0, FloatVector.fromArray(F, y, yAt + 3 * PANEL_ROWS));
      s31 = s31.fma(c1, FloatVector.fromArray(F, y, yAt + 3 * PANEL_ROWS + LANES));
      s40 = s40.fma(c0, FloatVector.fromArray(F, y, yAt + 4 * PANEL_ROWS));
      s41 = s41.fma(c1, FloatVector.fromArray(F, y, yAt + 4 * PANEL_ROWS + LANES));
      s50 = s50.fma(c0, FloatVector.fromArray(F, y, yAt + 5 * PANEL_ROWS));
      s51 = s51.fma(c1, FloatVector.fromArray(F, y, yAt + 5 * PANEL_ROWS + LANES));
      FloatVector o0 = FloatVector.fromArray(F, panel.offsets, scaleAt);
      FloatVector o1 = FloatVector.fromArray(F, panel.offsets, scaleAt + LANES);
      FloatVector g0 = FloatVector.broadcast(F, sums[sumAt]);
      s00 = g0.fma(o0, s00);
      s01 = g0.fma(o1, s01);
      FloatVector g1 = FloatVector.broadcast(F, sums[sumAt + 1]);
      s10 = g1.fma(o0, s10);
      s11 = g1.fma(o1, s11);
      FloatVector g2 = FloatVector.broadcast(F, sums[sumAt + 2]);
      s20 = g2.fma(o0, s20);
      s21 = g2.fma(o1, s21);
      FloatVector g3 = FloatVector.broadcast(F, sums[sumAt + 3]);
      s30 = g3.fma(o0, s30);
      s31 = g3.fma(o1, s31);
      FloatVector g4 = FloatVector.broadcast(F, sums[sumAt + 4]);
      s40 = g4.fma(o0, s40);
      s41 = g4.fma(o1, s41);
      FloatVector g5 = FloatVector.broadcast(F, sums[sumAt + 5]);
      s50 = g5.fma(o0, s50);
      s51 = g5.fma(o1, s51);
      s00.intoArray(y, yAt);
      s01.intoArray(y, yAt + LANES);
      s10.intoArray(y, yAt + PANEL_ROWS);
      s11.intoArray(y, yAt + PANEL_ROWS + LANES);
      s20.intoArray(y, yAt + 2 * PANEL_ROWS);
      s21.intoArray(y, yAt + 2 * PANEL_ROWS + LANES);
      s30.intoArray(y, yAt + 3 * PANEL_ROWS);
      s31.intoArray(y, yAt + 3 * PANEL_ROWS + LANES);
      s40.intoArray(y, yAt + 4 * PANEL_ROWS);
      s41.intoArray(y, yAt + 4 * PANEL_ROWS + LANES);
      s50.intoArray(y, yAt + 5 * PANEL_ROWS);
      s51.intoArray(y, yAt + 5 * PANEL_ROWS + LANES);
      sumAt += 6;
    }
  }

  /** 4 rows of activations times 4 vectors of the panel's rows, from row {@code lane} on. */
  private static void tile4x4(
      PanelFormat format, DecodedPanel panel, int groups, int lane, Activations x, int valueAt, int sumAt, float[] y, int yAt) {
    int length = format.groupColumns();
    float[] sums = length == 16 ? x.sums16 : x.sums32;
    float[] values = x.values;
    float[] q = panel.q;
    int qAt = lane;
    for (int group = 0; group < groups; group++) {
      FloatVector s00 = FloatVector.zero(F);
      FloatVector s01 = FloatVector.zero(F);
      FloatVector s02 = FloatVector.zero(F);
      FloatVector s03 = FloatVector.zero(F);
      FloatVector s10 = FloatVector.zero(F);
      FloatVector s11 = FloatVector.zero(F);
      FloatVector s12 = FloatVector.zero(F);
      FloatVector s13 = FloatVector.zero(F);
      FloatVector s20 = FloatVector.zero(F);
      FloatVector s21 = FloatVector.zero(F);
      FloatVector s22 = FloatVector.zero(F);
      FloatVector s23 = FloatVector.zero(F);
      FloatVector s30 = FloatVector.zero(F);
      FloatVector s31 = FloatVector.zero(F);
      FloatVector s32 = FloatVector.zero(F);
      FloatVector s33 = FloatVector.zero(F);
      for (int k = 0; k < length; k++) {
        FloatVector w0 = FloatVector.fromArray(F, q, qAt);
        FloatVector w1 = FloatVector.fromArray(F, q, qAt + LANES);
        FloatVector w2 = FloatVector.fromArray(F, q, qAt + 2 * LANES);
        FloatVector w3 = FloatVector.fromArray(F, q, qAt + 3 * LANES);
        FloatVector x0 = FloatVector.broadcast(F, values[valueAt]);
        s00 = x0.fma(w0, s00);
        s01 = x0.fma(w1, s01);
        s02 = x0.fma(w2, s02);
        s03 = x0.fma(w3, s03);
        FloatVector x1 = FloatVector.broadcast(F, values[valueAt + 1]);
        s10 = x1.fma(w0, s10);
        s11 = x1.fma(w1, s11);
        s12 = x1.fma(w2, s12);
        s13 = x1.fma(w3, s13);
        FloatVector x2 = FloatVector.broadcast(F, values[valueAt + 2]);
        s20 = x2.fma(w0, s20);
        s21 = x2.fma(w1, s21);
        s22 = x2.fma(w2, s22);
        s23 = x2.fma(w3, s23);
        FloatVector x3 = FloatVector.broadcast(F, values[valueAt + 3]);
        s30 = x3.fma(w0, s30);
        s31 = x3.fma(w1, s31);
        s32 = x3.fma(w2, s32);
        s33 = x3.fma(w3, s33);
        qAt += PANEL_ROWS;
        valueAt += 4;
      }
      int scaleAt = group * PANEL_ROWS + lane;
      FloatVector c0 = FloatVector.fromArray(F, panel.scales, scaleAt);
      FloatVector c1 = FloatVector.fromArray(F, panel.scales, scaleAt + LANES);
      FloatVector c2 = FloatVector.fromArray(F, panel.scales, scaleAt + 2 * LANES);
      FloatVector c3 = FloatVector.fromArray(F, panel.scales, scaleAt + 3 * LANES);
      s00 = s00.fma(c0, FloatVector.fromArray(F, y, yAt));
      s01 = s01.fma(c1, FloatVector.fromArray(F, y, yAt + LANES));
      s02 = s02.fma(c2, FloatVector.fromArray(F, y, yAt + 2 * LANES));
      s03 = s03.fma(c3, FloatVector.fromArray(F, y, yAt + 3 * LANES));
      s10 = s10.fma(c0, FloatVector.fromArray(F, y, yAt + PANEL_ROWS));
      s11 = s11.fma(c1, FloatVector.fromArray(F, y, yAt + PANEL_ROWS + LANES));
      s12 = s12.fma(c2, FloatVector.fromArray(F, y, yAt + PANEL_ROWS + 2 * LANES));
      s13 = s13.fma(c3, FloatVector.fromArray(F, y, yAt + PANEL_ROWS + 3 * LANES));
      s20 = s20.fma(c0, FloatVector.fromArray(F, y, yAt + 2 * PANEL_ROWS));
      s21 = s21.fma(c1, FloatVector.fromArray(F, y, yAt + 2 * PANEL_ROWS + LANES));
      s22 = s22.fma(c2, FloatVector.fromArray(F, y, yAt + 2 * PANEL_ROWS + 2 * LANES));
      s23 = s23.fma(c3, FloatVector.fromArray(F, y, yAt + 2 * PANEL_ROWS + 3 * LANES));
      s30 = s30.fma(c0, FloatVector.fromArray(F, y, yAt + 3 * PANEL_ROWS));
      s31 = s31.fma(c1, FloatVector.fromArray(F, y, yAt + 3 * PANEL_ROWS + LANES));
      s32 = s32.fma(c2, FloatVector.fromArray(F, y, yAt + 3 * PANEL_ROWS + 2 * LANES));
      s33 = s33.fma(c3, FloatVector.fromArray(F, y, yAt + 3 * PANEL_ROWS + 3 * LANES));
      FloatVector o0 = FloatVector.fromArray(F, panel.offsets, scaleAt);
      FloatVector o1 = FloatVector.fromArray(F, panel.offsets, scaleAt + LANES);
      FloatVector o2 = FloatVector.fromArray(F, panel.offsets, scaleAt + 2 * LANES);
      FloatVector o3 = FloatVector.fromArray(F, panel.offsets, scaleAt + 3 * LANES);
      FloatVector g0 = FloatVector.broadcast(F, sums[sumAt]);
      s00 = g0.fma(o0, s00);
      s01 = g0.fma(o1, s01);
      s02 = g0.fma(o2, s02);
      s03 = g0.fma(o3, s03);
      FloatVector g1 = FloatVector.broadcast(F, sums[sumAt + 1]);
      s10 = g1.fma(o0, s10);
      s11 = g1.fma(o1, s11);
      s12 = g1.fma(o2, s12);
      s13 = g1.fma(o3, s13);
      FloatVector g2 = FloatVector.broadcast(F, sums[sumAt + 2]);
      s20 = g2.fma(o0, s20);
      s21 = g2.fma(o1, s21);
      s22 = g2.fma(o2, s22);
      s23 = g2.fma(o3, s23);
      FloatVector g3 = FloatVector.broadcast(F, sums[sumAt + 3]);
      s30 = g3.fma(o0, s30);
      s31 = g3.fma(o1, s31);
      s32 = g3.fma(o2, s32);
      s33 = g3.fma(o3, s33);
      s00.intoArray(y, yAt);
      s01.intoArray(y, yAt + LANES);
      s02.intoArray(y, yAt + 2 * LANES);
      s03.intoArray(y, yAt + 3 * LANES);
      s10.intoArray(y, yAt + PANEL_ROWS);
      s11.intoArray(y, yAt + PANEL_ROWS + LANES);
      s12.intoArray(y, yAt + PANEL_ROWS + 2 * LANES);
      s13.intoArray(y, yAt + PANEL_ROWS + 3 * LANES);
      s20.intoArray(y, yAt + 2 * PANEL_ROWS);
      s21.intoArray(y, yAt + 2 * PANEL_ROWS + LANES);
      s22.intoArray(y, yAt + 2 * PANEL_ROWS + 2 * LANES);
      s23.intoArray(y, yAt + 2 * PANEL_ROWS + 3 * LANES);
      s30.intoArray(y, yAt + 3 * PANEL_ROWS);
      s31.intoArray(y, yAt + 3 * PANEL_ROWS + LANES);
      s32.intoArray(y, yAt + 3 * PANEL_ROWS + 2 * LANES);
      s33.intoArray(y, yAt + 3 * PANEL_ROWS + 3 * LANES);
      sumAt += 4;
    }
  }

  /** 4 rows of activations times 2 vectors of the panel's rows, from row {@code lane} on. */
  private static void tile4x2(
      PanelFormat format, DecodedPanel panel, int groups, int lane, Activations x, int valueAt, int sumAt, float[] y, int yAt) {
    int length = format.groupColumns();
    float[] sums = length == 16 ? x.sums16 : x.sums32;
    float[] values = x.values;
    float[] q = panel.q;
    int qAt = lane;
    for (int group = 0; group < groups; group++) {
      FloatVector s00 = FloatVector.zero(F);
      FloatVector s01 = FloatVector.zero(F);
      FloatVector s10 = FloatVector.zero(F);
      FloatVector s11 = FloatVector.zero(F);
      FloatVector s20 = FloatVector.zero(F);
      FloatVector s21 = FloatVector.zero(F);
      FloatVector s30 = FloatVector.zero(F);
      FloatVector s31 = FloatVector.zero(F);
      for (int k = 0; k < length; k++) {
        FloatVector w0 = FloatVector.fromArray(F, q, qAt);
        FloatVector w1 = FloatVector.fromArray(F, q, qAt + LANES);
        FloatVector x0 = FloatVector.broadcast(F, values[valueAt]);
        s00 = x0.fma(w0, s00);
        s01 = x0.fma(w1, s01);
        FloatVector x1 = FloatVector.broadcast(F, values[valueAt + 1]);
        s10 = x1.fma(w0, s10);
        s11 = x1.fma(w1, s11);
        FloatVector x2 = FloatVector.broadcast(F, values[valueAt + 2]);
        s20 = x2.fma(w0, s20);
        s21 = x2.fma(w1, s21);
        FloatVector x3 = FloatVector.broadcast(F, values[valueAt + 3]);
        s30 = x3.fma(w0, s30);
        s31 = x3.fma(w1, s31);
        qAt += PANEL_ROWS;
        valueAt += 4;
      }
      int scaleAt = group * PANEL_ROWS + lane;
      FloatVector c0 = FloatVector.fromArray(F, panel.scales, scaleAt);
      FloatVector c1 = FloatVector.fromArray(F, panel.scales, scaleAt + LANES);
      s00 = s00.fma(c0, FloatVector.fromArray(F, y, yAt));
      s01 = s01.fma(c1, FloatVector.fromArray(F, y, yAt + LANES));
      s10 = s10.fma(c0, FloatVector.fromArray(F, y, yAt + PANEL_ROWS));
      s11 = s11.fma(c1, FloatVector.fromArray(F, y, yAt + PANEL_ROWS + LANES));
      s20 = s20.fma(c0, FloatVector.fromArray(F, y, yAt + 2 * PANEL_ROWS));
      s21 = s21.fma(c1, FloatVector.fromArray(F, y, yAt + 2 * PANEL_ROWS + LANES));
      s30 = s30.fma(c0, FloatVector.fromArray(F, y, yAt + 3 * PANEL_ROWS));
      s31 = s31.fma(c1, FloatVector.fromArray(F, y, yAt + 3 * PANEL_ROWS + LANES));
      FloatVector o0 = FloatVector.fromArray(F, panel.offsets, scaleAt);
      FloatVector o1 = FloatVector.fromArray(F, panel.offsets, scaleAt + LANES);
      FloatVector g0 = FloatVector.broadcast(F, sums[sumAt]);
      s00 = g0.fma(o0, s00);
      s01 = g0.fma(o1, s01);
      FloatVector g1 = FloatVector.broadcast(F, sums[sumAt + 1]);
      s10 = g1.fma(o0, s10);
      s11 = g1.fma(o1, s11);
      FloatVector g2 = FloatVector.broadcast(F, sums[sumAt + 2]);
      s20 = g2.fma(o0, s20);
      s21 = g2.fma(o1, s21);
      FloatVector g3 = FloatVector.broadcast(F, sums[sumAt + 3]);
      s30 = g3.fma(o0, s30);
      s31 = g3.fma(o1, s31);
      s00.intoArray(y, yAt);
      s01.intoArray(y, yAt + LANES);
      s10.intoArray(y, yAt + PANEL_ROWS);
      s11.intoArray(y, yAt + PANEL_ROWS + LANES);
      s20.intoArray(y, yAt + 2 * PANEL_ROWS);
      s21.intoArray(y, yAt + 2 * PANEL_ROWS + LANES);
      s30.intoArray(y, yAt + 3 * PANEL_ROWS);
      s31.intoArray(y, yAt + 3 * PANEL_ROWS + LANES);
      sumAt += 4;
    }
  }

  /** 2 rows of activations times 4 vectors of the panel's rows, from row {@code lane} on. */
  private static void tile2x4(
      PanelFormat format, DecodedPanel panel, int groups, int lane, Activations x, int valueAt, int sumAt, float[] y, int yAt) {
    int length = format.groupColumns();
    float[] sums = length == 16 ? x.sums16 : x.sums32;
    float[] values = x.values;
    float[] q = panel.q;
    int qAt = lane;
    for (int group = 0; group < groups; group++) {
      FloatVector s00 = FloatVector.zero(F);
      FloatVector s01 = FloatVector.zero(F);
      FloatVector s02 = FloatVector.zero(F);
      FloatVector s03 = FloatVector.zero(F);
      FloatVector s10 = FloatVector.zero(F);
      FloatVector s11 = FloatVector.zero(F);
      FloatVector s12 = FloatVector.zero(F);
      FloatVector s13 = FloatVector.zero(F);
      for (int k = 0; k < length; k++) {
        FloatVector w0 = FloatVector.fromArray(F, q, qAt);
        FloatVector w1 = FloatVector.fromArray(F, q, qAt + LANES);
        FloatVector w2 = FloatVector.fromArray(F, q, qAt + 2 * LANES);
        FloatVector w3 = FloatVector.fromArray(F, q, qAt + 3 * LANES);
        FloatVector x0 = FloatVector.broadcast(F, values[valueAt]);
        s00 = x0.fma(w0, s00);
        s01 = x0.fma(w1, s01);
        s02 = x0.fma(w2, s02);
        s03 = x0.fma(w3, s03);
        FloatVector x1 = FloatVector.broadcast(F, values[valueAt + 1]);
        s10 = x1.fma(w0, s10);
        s11 = x1.fma(w1, s11);
        s12 = x1.fma(w2, s12);
        s13 = x1.fma(w3, s13);
        qAt += PANEL_ROWS;
        valueAt += 2;
      }
      int scaleAt = group * PANEL_ROWS + lane;
      FloatVector c0 = FloatVector.fromArray(F, panel.scales, scaleAt);
      FloatVector c1 = FloatVector.fromArray(F, panel.scales, scaleAt + LANES);
      FloatVector c2 = FloatVector.fromArray(F, panel.scales, scaleAt + 2 * LANES);
      FloatVector c3 = FloatVector.fromArray(F, panel.scales, scaleAt + 3 * LANES);
      s00 = s00.fma(c0, FloatVector.fromArray(F, y, yAt));
      s01 = s01.fma(c1, FloatVector.fromArray(F, y, yAt + LANES));
      s02 = s02.fma(c2, FloatVector.fromArray(F, y, yAt + 2 * LANES));
      s03 = s03.fma(c3, FloatVector.fromArray(F, y, yAt + 3 * LANES));
      s10 = s10.fma(c0, FloatVector.fromArray(F, y, yAt + PANEL_ROWS));
      s11 = s11.fma(c1, FloatVector.fromArray(F, y, yAt + PANEL_ROWS + LANES));
      s12 = s12.fma(c2, FloatVector.fromArray(F, y, yAt + PANEL_ROWS + 2 * LANES));
      s13 = s13.fma(c3, FloatVector.fromArray(F, y, yAt + PANEL_ROWS + 3 * LANES));
      FloatVector o0 = FloatVector.fromArray(F, panel.offsets, scaleAt);
      FloatVector o1 = FloatVector.fromArray(F, panel.offsets, scaleAt + LANES);
      FloatVector o2 = FloatVector.fromArray(F, panel.offsets, scaleAt + 2 * LANES);
      FloatVector o3 = FloatVector.fromArray(F, panel.offsets, scaleAt + 3 * LANES);
      FloatVector g0 = FloatVector.broadcast(F, sums[sumAt]);
      s00 = g0.fma(o0, s00);
      s01 = g0.fma(o1, s01);
      s02 = g0.fma(o2, s02);
      s03 = g0.fma(o3, s03);
      FloatVector g1 = FloatVector.broadcast(F, sums[sumAt + 1]);
      s10 = g1.fma(o0, s10);
      s11 = g1.fma(o1, s11);
      s12 = g1.fma(o2, s12);
      s13 = g1.fma(o3, s13);
      s00.intoArray(y, yAt);
      s01.intoArray(y, yAt + LANES);
      s02.intoArray(y, yAt + 2 * LANES);
      s03.intoArray(y, yAt + 3 * LANES);
      s10.intoArray(y, yAt + PANEL_ROWS);
      s11.intoArray(y, yAt + PANEL_ROWS + LANES);
      s12.intoArray(y, yAt + PANEL_ROWS + 2 * LANES);
      s13.intoArray(y, yAt + PANEL_ROWS + 3 * LANES);
      sumAt += 2;
    }
  }

  /** 1 row of activations times 4 vectors of the panel's rows, from row {@code lane} on. */
  private static void tile1x4(
      PanelFormat format, DecodedPanel panel, int groups, int lane, Activations x, int valueAt, int sumAt, float[] y, int yAt) {
    int length = format.groupColumns();
    float[] sums = length == 16 ? x.sums16 : x.sums32;
    float[] values = x.values;
    float[] q = panel.q;
    int qAt = lane;
    for (int group = 0; group < groups; group++) {
      FloatVector s00 = FloatVector.zero(F);
      FloatVector s01 = FloatVector.zero(F);
      FloatVector s02 = FloatVector.zero(F);
      FloatVector s03 = FloatVector.zero(F);
      for (int k = 0; k < length; k++) {
        FloatVector w0 = FloatVector.fromArray(F, q, qAt);
        FloatVector w1 = FloatVector.fromArray(F, q, qAt + LANES);
        FloatVector w2 = FloatVector.fromArray(F, q, qAt + 2 * LANES);
        FloatVector w3 = FloatVector.fromArray(F, q, qAt + 3 * LANES);
        FloatVector x0 = FloatVector.broadcast(F, values[valueAt]);
        s00 = x0.fma(w0, s00);
        s01 = x0.fma(w1, s01);
        s02 = x0.fma(w2, s02);
        s03 = x0.fma(w3, s03);
        qAt += PANEL_ROWS;
        valueAt += 1;
      }
      int scaleAt = group * PANEL_ROWS + lane;
      FloatVector c0 = FloatVector.fromArray(F, panel.scales, scaleAt);
      FloatVector c1 = FloatVector.fromArray(F, panel.scales, scaleAt + LANES);
      FloatVector c2 = FloatVector.fromArray(F, panel.scales, scaleAt + 2 * LANES);
      FloatVector c3 = FloatVector.fromArray(F, panel.scales, scaleAt + 3 * LANES);
      s00 = s00.fma(c0, FloatVector.fromArray(F, y, yAt));
      s01 = s01.fma(c1, FloatVector.fromArray(F, y, yAt + LANES));
      s02 = s02.fma(c2, FloatVector.fromArray(F, y, yAt + 2 * LANES));
      s03 = s03.fma(c3, FloatVector.fromArray(F, y, yAt + 3 * LANES));
      FloatVector o0 = FloatVector.fromArray(F, panel.offsets, scaleAt);
      FloatVector o1 = FloatVector.fromArray(F, panel.offsets, scaleAt + LANES);
      FloatVector o2 = FloatVector.fromArray(F, panel.offsets, scaleAt + 2 * LANES);
      FloatVector o3 = FloatVector.fromArray(F, panel.offsets, scaleAt + 3 * LANES);
      FloatVector g0 = FloatVector.broadcast(F, sums[sumAt]);
      s00 = g0.fma(o0, s00);
      s01 = g0.fma(o1, s01);
      s02 = g0.fma(o2, s02);
      s03 = g0.fma(o3, s03);
      s00.intoArray(y, yAt);
      s01.intoArray(y, yAt + LANES);
      s02.intoArray(y, yAt + 2 * LANES);
      s03.intoArray(y, yAt + 3 * LANES);
      sumAt += 1;
    }
  }
}
