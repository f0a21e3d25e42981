package dev.gemmaspark.engine.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;
import dev.gemmaspark.engine.internal.tensor.KvType;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.RandomWeights;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.tensor.WeightMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The vector kernels against their scalar twins, to the bit, and the scalar twins against plain double arithmetic. */
class KernelsTest {
  private static final Kernels SCALAR = new ScalarKernels();
  private static final Kernels VECTOR = new VectorKernels();

  private final RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(42);

  @ParameterizedTest
  @EnumSource
  void productsOfBothTwinsAgreeToTheBit(TensorType type) {
    for (int rows : List.of(1, 63, 64, 65, 330)) {
      for (int columns : columns(type)) {
        WeightMatrix weights = RandomWeights.matrix(type, rows, columns, random);
        for (int batch : List.of(1, 2, 3, 4, 5, 7, 8, 16, 25)) {
          float[] x = floats(batch * columns);
          float[] scalar = product(SCALAR, weights, x, batch);
          float[] vector = product(VECTOR, weights, x, batch);
          assertThat(vector).as("%s %d x %d, %d rows", type, rows, columns, batch).isEqualTo(scalar);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void productsAreThoseOfTheDequantizedWeights(TensorType type) {
    int columns = 768;
    WeightMatrix weights = RandomWeights.matrix(type, 130, columns, random);
    float[] dequantized = RandomWeights.dequantized(weights);
    int batch = 5;
    float[] x = floats(batch * columns);
    float[] product = product(SCALAR, weights, x, batch);
    for (int b = 0; b < batch; b++) {
      for (int row = 0; row < 130; row++) {
        double sum = 0;
        double magnitude = 0;
        for (int k = 0; k < columns; k++) {
          double term = (double) x[b * columns + k] * dequantized[row * columns + k];
          sum += term;
          magnitude += Math.abs(term);
        }
        assertThat((double) product[b * 130 + row]).isCloseTo(sum, within(magnitude * 1e-6 + 1e-7));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aRowsProductDoesNotDependOnItsBatch(TensorType type) {
    int columns = 512;
    WeightMatrix weights = RandomWeights.matrix(type, 128, columns, random);
    float[] x = floats(23 * columns);
    float[] together = product(VECTOR, weights, x, 23);
    for (int row = 0; row < 23; row++) {
      float[] alone = product(VECTOR, weights, Arrays.copyOfRange(x, row * columns, (row + 1) * columns), 1);
      assertThat(alone).isEqualTo(Arrays.copyOfRange(together, row * 128, (row + 1) * 128));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4, 8, 13, 16, 17, 33, 64, 100, 257, 768})
  void elementwiseTwinsAgreeToTheBit(int length) {
    KernelScratch scratch = scratch(1);
    for (float size : new float[] {1e-4f, 1f, 30f, 1e6f}) {
      float[] x = floats(length + 3);
      float[] w = floats(length + 3);
      for (int i = 0; i < x.length; i++) {
        x[i] *= size;
      }
      both(kernels -> {
        float[] y = new float[length + 3];
        kernels.rmsNorm(x, 2, w, y, 1, length, 1e-6f, scratch);
        return y;
      });
      both(kernels -> {
        float[] y = w.clone();
        kernels.add(x, 1, y, 2, length);
        return y;
      });
      both(kernels -> {
        float[] y = x.clone();
        kernels.geGlu(y, 1, w, 2, length);
        return y;
      });
      both(kernels -> {
        float[] y = x.clone();
        kernels.softcap(y, 3, length, 50f);
        return y;
      });
      both(kernels -> {
        float[] y = new float[length];
        kernels.softmaxWeights(x, 3, length, 2.5f, 7f, y);
        return y;
      });
      int even = length / 2 * 2;
      both(kernels -> {
        float[] y = x.clone();
        kernels.rotate(y, 1, even, w, w, 1, 0.25f);
        return y;
      });
    }
  }

  @Test
  void softcapAndGeluAreThoseOfTheDefinition() {
    for (float x = -40; x < 40; x += 0.037f) {
      assertThat((double) ScalarMath.tanh(x)).isCloseTo(Math.tanh(x), within(2e-7));
      double u = Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x);
      assertThat((double) ScalarMath.gelu(x)).isCloseTo(0.5 * x * (1 + Math.tanh(u)), within(1e-6 * Math.max(1, Math.abs(x))));
      assertThat((double) ScalarMath.exp(x)).isCloseTo(Math.exp(x), within(2e-7 * Math.exp(x)));
    }
  }

  static Stream<Arguments> heads() {
    return Stream.of(4, 16, 24, 64, 80, 256)
        .flatMap(headDim -> Stream.of(KvType.values()).map(type -> Arguments.of(headDim, type)));
  }

  @ParameterizedTest
  @MethodSource("heads")
  void attentionOfBothTwinsAgreesToTheBit(int headDim, KvType type) {
    KvBlockLayout layout = new KvBlockLayout(2, headDim, type);
    int context = 300;
    MemorySegment[] blocks = new MemorySegment[context / KvBlockLayout.POSITIONS + 1];
    for (int i = 0; i < blocks.length; i++) {
      blocks[i] = Arena.ofAuto().allocate(layout.blockBytes() + 64, 64);
      for (long at = 0; at < layout.blockBytes(); at += type.bytes()) {
        type.put(blocks[i], at, random.nextFloat() * 4 - 2);
      }
    }
    for (int group : List.of(1, 2, 3)) {
      for (int window : List.of(0, 40)) {
        for (float cap : new float[] {0f, 50f}) {
          AttentionShape shape = new AttentionShape(layout, group, 2 * group * headDim + 1, window, cap);
          KernelScratch scratch = new KernelScratch(1, new AttentionScratch(shape, context));
          for (int tokens : List.of(1, 2, 5, 16)) {
            float[] queries = floats(5 + tokens * shape.tokenStride());
            for (int position : List.of(0, 1, 15, 17, 63, 64, 100, context - tokens)) {
              MemorySegment[] seen = blocks.clone();
              Arrays.fill(seen, 0, shape.start(position) / KvBlockLayout.POSITIONS, null);
              spoil(seen, layout, position + tokens);
              both(kernels -> {
                float[] out = new float[queries.length];
                kernels.attend(shape, queries, 5, tokens, position, seen, 1, out, scratch);
                return out;
              });
            }
          }
        }
      }
    }
  }

  /** A row with such keys or values fails, but what the twins make of it is the same. */
  @ParameterizedTest
  @EnumSource
  void infinitiesAndWhatIsNoNumberAreTheSameForBothTwins(KvType type) {
    int headDim = 40;
    KvBlockLayout layout = new KvBlockLayout(1, headDim, type);
    AttentionShape shape = new AttentionShape(layout, 2, 2 * headDim, 0, 50f);
    KernelScratch scratch = new KernelScratch(1, new AttentionScratch(shape, 64));
    float[] queries = floats(2 * headDim);
    for (float bad : new float[] {Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN, 70000f, 1e-7f}) {
      for (boolean key : new boolean[] {true, false}) {
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment[] blocks = new MemorySegment[4];
          for (int i = 0; i < blocks.length; i++) {
            blocks[i] = arena.allocate(layout.blockBytes() + 64, 64);
            for (long at = 0; at < layout.blockBytes(); at += type.bytes()) {
              type.put(blocks[i], at, random.nextFloat() * 4 - 2);
            }
          }
          type.put(blocks[1], key ? layout.key(0, 20, 37) : layout.value(0, 20, 5), bad);
          both(kernels -> {
            float[] out = new float[2 * headDim];
            kernels.attend(shape, queries, 0, 1, 63, blocks, 0, out, scratch);
            return out;
          });
        }
      }
    }
  }

  /** What comes after the last position may be anything, such as another sequence's infinity. */
  private static void spoil(MemorySegment[] blocks, KvBlockLayout layout, int end) {
    if (end % KvBlockLayout.POSITIONS != 0) {
      MemorySegment block = Arena.ofAuto().allocate(layout.blockBytes() + 64, 64);
      block.copyFrom(blocks[end / KvBlockLayout.POSITIONS]);
      for (int d = 0; d < layout.headDim(); d++) {
        layout.type().put(block, layout.key(1, end, d), Float.NaN);
        layout.type().put(block, layout.value(1, end, d), Float.POSITIVE_INFINITY);
      }
      blocks[end / KvBlockLayout.POSITIONS] = block;
    }
    Arrays.fill(blocks, Math.ceilDiv(end, KvBlockLayout.POSITIONS), blocks.length, null);
  }

  private interface Operation {
    float[] with(Kernels kernels);
  }

  private static void both(Operation operation) {
    assertThat(operation.with(VECTOR)).isEqualTo(operation.with(SCALAR));
  }

  private static float[] product(Kernels kernels, WeightMatrix weights, float[] x, int batch) {
    PackedMatrix packed = RandomWeights.packed(weights);
    Activations activations = new Activations(batch, weights.columns());
    activations.shape(batch, weights.columns());
    for (int tile = 0; tile < activations.tiles(); tile++) {
      activations.pack(tile, x, weights.columns());
    }
    KernelScratch scratch = scratch(batch);
    float[] y = new float[batch * weights.rows()];
    for (int panel = 0; panel < packed.panels(); panel += Kernels.MAX_PANELS) {
      int panels = Math.min(Kernels.MAX_PANELS, packed.panels() - panel);
      kernels.multiplyPanels(packed, panel, panels, activations, scratch);
      for (int i = 0; i < panels; i++) {
        int first = (panel + i) * PackedMatrix.PANEL_ROWS;
        for (int row = 0; row < batch; row++) {
          System.arraycopy(
              scratch.products,
              (i * batch + row) * PackedMatrix.PANEL_ROWS,
              y,
              row * weights.rows() + first,
              Math.min(PackedMatrix.PANEL_ROWS, weights.rows() - first));
        }
      }
    }
    return y;
  }

  private static KernelScratch scratch(int rows) {
    AttentionShape none = new AttentionShape(new KvBlockLayout(1, 4, KvType.F32), 1, 4, 0, 0);
    return new KernelScratch(rows, new AttentionScratch(none, 16));
  }

  private static List<Integer> columns(TensorType type) {
    return switch (type.blockSize()) {
      case 1 -> List.of(1, 31, 32, 100, 256);
      case 32 -> List.of(32, 96, 160, 416);
      default -> List.of(256, 768);
    };
  }

  private float[] floats(int length) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = random.nextFloat() * 2 - 1;
    }
    return values;
  }
}
