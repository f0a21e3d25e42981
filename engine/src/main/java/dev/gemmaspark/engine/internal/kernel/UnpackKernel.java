package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.B;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.F;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.I;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.S;
import static dev.gemmaspark.engine.internal.tensor.PackedMatrix.PANEL_ROWS;
import static dev.gemmaspark.engine.internal.tensor.PanelFormat.SLICE_COLUMNS;

import dev.gemmaspark.engine.internal.tensor.DecodedPanel;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/** Takes packed slices apart, a vector at a time; {@link PanelFormat#unpack} is the scalar twin and has the layouts. */
final class UnpackKernel {
  private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
  static final int PAIR_BYTES = SLICE_COLUMNS / 2 * PANEL_ROWS;

  /** What brings the exponent of a half-precision number, moved into place, to that of single precision. */
  private static final float HALF_TO_SINGLE = 0x1p112f;

  private UnpackKernel() {}

  static void unpack(
      PanelFormat format, MemorySegment packed, long block, int slice, DecodedPanel panel, int slot) {
    int at = slot * SLICE_COLUMNS * PANEL_ROWS;
    int scaleAt = slot * PANEL_ROWS;
    switch (format.type()) {
      case Q8_0 -> {
        halves(packed, block, panel.scales, scaleAt, PANEL_ROWS);
        signedBytes(packed, block + 2 * PANEL_ROWS, panel.q, at);
      }
      case Q4_0 -> {
        halves(packed, block, panel.scales, scaleAt, PANEL_ROWS);
        multiples(panel.scales, scaleAt, -8f, panel.offsets);
        nibbles(packed, block + 2 * PANEL_ROWS, panel.q, at);
      }
      case Q4_K -> {
        long from = block + 4 * PANEL_ROWS + (long) slice * (2 * PANEL_ROWS + PAIR_BYTES);
        halves(packed, block, panel.scales, scaleAt, PANEL_ROWS);
        halves(packed, block + 2 * PANEL_ROWS, panel.offsets, scaleAt, PANEL_ROWS);
        scaleByUnsignedBytes(packed, from, panel.scales, scaleAt, 1f);
        scaleByUnsignedBytes(packed, from + PANEL_ROWS, panel.offsets, scaleAt, -1f);
        nibbles(packed, from + 2 * PANEL_ROWS, panel.q, at);
      }
      case Q6_K -> {
        long from = block + 2 * PANEL_ROWS + (long) slice * (2 * PANEL_ROWS + PAIR_BYTES * 3 / 2);
        for (int group = 0; group < 2; group++) {
          int groupAt = (2 * slot + group) * PANEL_ROWS;
          halves(packed, block, panel.scales, groupAt, PANEL_ROWS);
          scaleBySignedBytes(packed, from + (long) group * PANEL_ROWS, panel.scales, groupAt);
        }
        sixBits(packed, from + 2 * PANEL_ROWS, panel.q, at);
      }
      case F32 -> {
        Arrays.fill(panel.scales, scaleAt, scaleAt + PANEL_ROWS, 1f);
        for (int i = 0; i < SLICE_COLUMNS * PANEL_ROWS; i += LANES) {
          floats(packed, block + 4L * i).intoArray(panel.q, at + i);
        }
      }
      case F16 -> {
        Arrays.fill(panel.scales, scaleAt, scaleAt + PANEL_ROWS, 1f);
        halves(packed, block, panel.q, at, SLICE_COLUMNS * PANEL_ROWS);
      }
      case BF16 -> {
        Arrays.fill(panel.scales, scaleAt, scaleAt + PANEL_ROWS, 1f);
        for (int i = 0; i < SLICE_COLUMNS * PANEL_ROWS; i += LANES) {
          upperHalves(packed, block + 2L * i).intoArray(panel.q, at + i);
        }
      }
      default -> format.unpack(packed, block, slice, panel, slot);
    }
  }

  private static void halves(MemorySegment packed, long from, float[] to, int at, int count) {
    for (int i = 0; i < count; i += LANES) {
      halves(packed, from + 2L * i).intoArray(to, at + i);
    }
  }

  /** IEEE half precision, finite: sign and 15 bits moved into place, and the exponent mended by a multiplication. */
  static FloatVector halves(MemorySegment packed, long from) {
    return shorts(packed, from)
        .lanewise(VectorOperators.LSHL, 13)
        .and(0x8FFFE000)
        .reinterpretAsFloats()
        .mul(HALF_TO_SINGLE);
  }

  /** Upper halves of single precision. */
  static FloatVector upperHalves(MemorySegment packed, long from) {
    return shorts(packed, from).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
  }

  static FloatVector floats(MemorySegment packed, long from) {
    return FloatVector.fromMemorySegment(F, packed, from, LITTLE);
  }

  private static IntVector shorts(MemorySegment packed, long from) {
    return (IntVector)
        ShortVector.fromMemorySegment(S, packed, from, LITTLE).convertShape(VectorOperators.S2I, I, 0);
  }

  private static void multiples(float[] scales, int at, float factor, float[] offsets) {
    for (int i = 0; i < PANEL_ROWS; i += LANES) {
      FloatVector.fromArray(F, scales, at + i).mul(factor).intoArray(offsets, at + i);
    }
  }

  private static void signedBytes(MemorySegment packed, long from, float[] q, int at) {
    for (int i = 0; i < SLICE_COLUMNS * PANEL_ROWS; i += B.length()) {
      ByteVector bytes = ByteVector.fromMemorySegment(B, packed, from + i, LITTLE);
      for (int part = 0; part < B.length() / LANES; part++) {
        signed(bytes, part).intoArray(q, at + i + part * LANES);
      }
    }
  }

  private static void scaleBySignedBytes(MemorySegment packed, long from, float[] scales, int at) {
    for (int i = 0; i < PANEL_ROWS; i += B.length()) {
      ByteVector bytes = ByteVector.fromMemorySegment(B, packed, from + i, LITTLE);
      for (int part = 0; part < B.length() / LANES; part++) {
        int to = at + i + part * LANES;
        FloatVector.fromArray(F, scales, to).mul(signed(bytes, part)).intoArray(scales, to);
      }
    }
  }

  private static void scaleByUnsignedBytes(
      MemorySegment packed, long from, float[] scales, int at, float sign) {
    for (int i = 0; i < PANEL_ROWS; i += B.length()) {
      ByteVector bytes = ByteVector.fromMemorySegment(B, packed, from + i, LITTLE);
      for (int part = 0; part < B.length() / LANES; part++) {
        int to = at + i + part * LANES;
        FloatVector.fromArray(F, scales, to).mul(toFloats(unsigned(bytes, part))).mul(sign).intoArray(scales, to);
      }
    }
  }

  private static void nibbles(MemorySegment packed, long from, float[] q, int at) {
    for (int pair = 0; pair < SLICE_COLUMNS / 2; pair++) {
      for (int row = 0; row < PANEL_ROWS; row += B.length()) {
        ByteVector bytes =
            ByteVector.fromMemorySegment(B, packed, from + (long) pair * PANEL_ROWS + row, LITTLE);
        for (int part = 0; part < B.length() / LANES; part++) {
          IntVector both = unsigned(bytes, part);
          int to = at + 2 * pair * PANEL_ROWS + row + part * LANES;
          toFloats(both.and(15)).intoArray(q, to);
          toFloats(both.lanewise(VectorOperators.LSHR, 4)).intoArray(q, to + PANEL_ROWS);
        }
      }
    }
  }

  private static void sixBits(MemorySegment packed, long from, float[] q, int at) {
    for (int four = 0; four < SLICE_COLUMNS / 4; four++) {
      for (int row = 0; row < PANEL_ROWS; row += B.length()) {
        long low = from + (long) 2 * four * PANEL_ROWS + row;
        ByteVector first = ByteVector.fromMemorySegment(B, packed, low, LITTLE);
        ByteVector second = ByteVector.fromMemorySegment(B, packed, low + PANEL_ROWS, LITTLE);
        ByteVector high =
            ByteVector.fromMemorySegment(B, packed, from + PAIR_BYTES + (long) four * PANEL_ROWS + row, LITTLE);
        for (int part = 0; part < B.length() / LANES; part++) {
          IntVector a = unsigned(first, part);
          IntVector b = unsigned(second, part);
          IntVector h = unsigned(high, part);
          int to = at + 4 * four * PANEL_ROWS + row + part * LANES;
          sixBits(a.and(15), h.lanewise(VectorOperators.LSHL, 4)).intoArray(q, to);
          sixBits(a.lanewise(VectorOperators.LSHR, 4), h.lanewise(VectorOperators.LSHL, 2))
              .intoArray(q, to + PANEL_ROWS);
          sixBits(b.and(15), h).intoArray(q, to + 2 * PANEL_ROWS);
          sixBits(b.lanewise(VectorOperators.LSHR, 4), h.lanewise(VectorOperators.LSHR, 2))
              .intoArray(q, to + 3 * PANEL_ROWS);
        }
      }
    }
  }

  /** Low four bits and, where bits 4 and 5 of {@code high} are, the upper two. */
  static FloatVector sixBits(IntVector low, IntVector high) {
    return toFloats(high.and(0x30).or(low).sub(32));
  }

  private static FloatVector signed(ByteVector bytes, int part) {
    return toFloats((IntVector) bytes.convertShape(VectorOperators.B2I, I, part));
  }

  private static IntVector unsigned(ByteVector bytes, int part) {
    return (IntVector) bytes.convertShape(VectorOperators.ZERO_EXTEND_B2I, I, part);
  }

  static FloatVector toFloats(IntVector numbers) {
    return (FloatVector) numbers.convertShape(VectorOperators.I2F, F, 0);
  }
}
