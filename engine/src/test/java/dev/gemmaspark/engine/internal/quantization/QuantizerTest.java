package dev.gemmaspark.engine.internal.quantization;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.PanelFormats;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.tensor.WeightMatrix;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What is quantized is near what it was, whatever the weights, and lies as the formats read it. */
class QuantizerTest {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int COLUMNS = 512;
  private static final int ROWS = 40;

  private final RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(3);

  /** The root of the mean squared difference of normal weights, for a standard deviation of one: the types' own coarseness. */
  @ParameterizedTest
  @CsvSource({
    "F32, 0", "BF16, 0.002", "F16, 0.0003", "Q8_0, 0.006", "Q6_K, 0.018", "Q5_K, 0.04", "Q5_0, 0.045", "Q5_1, 0.042", "Q4_K, 0.075",
    "Q4_0, 0.09", "Q4_1, 0.082", "IQ4_NL, 0.08", "IQ4_XS, 0.082", "Q3_K, 0.16", "Q2_K, 0.31"
  })
  void normalWeightsComeBackWithTheErrorOfTheType(TensorType type, double error) {
    float[] weights = new float[ROWS * COLUMNS];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) random.nextGaussian();
    }
    float[] back = roundTrip(type, weights);
    double sum = 0;
    for (int i = 0; i < weights.length; i++) {
      sum += Math.pow(back[i] - weights[i], 2);
    }
    assertThat(Math.sqrt(sum / weights.length)).isBetween(error / 4, error);
  }

  /** No weight is farther off than two steps of the type, as a share of the largest weight near it. */
  @ParameterizedTest
  @CsvSource({
    "F32, 0", "BF16, 0.004", "F16, 0.0005", "Q8_0, 0.008", "Q6_K, 0.04", "Q5_K, 0.08", "Q5_0, 0.08", "Q5_1, 0.08", "Q4_K, 0.15", "Q4_0, 0.15",
    "Q4_1, 0.15", "IQ4_NL, 0.17", "IQ4_XS, 0.17", "Q3_K, 0.3", "Q2_K, 0.45"
  })
  void unusualWeightsStayNearToo(TensorType type, float step) {
    float[] weights = edges();
    float[] back = roundTrip(type, weights);
    for (int i = 0; i < back.length; i++) {
      float allowed = step * magnitude(weights, i);
      assertThat(Math.abs(back[i] - weights[i])).as("row %d: %s for %s", i / COLUMNS, back[i], weights[i]).isLessThanOrEqualTo(allowed);
    }
  }

  /** All zero, one weight in a block, all alike, all of one sign, small and large ones. */
  private float[] edges() {
    float[] weights = new float[ROWS * COLUMNS];
    for (int row = 0; row < ROWS; row++) {
      for (int i = 0; i < COLUMNS; i++) {
        weights[row * COLUMNS + i] =
            switch (row) {
              case 0 -> 0;
              case 1 -> i % 256 == 7 ? -3 : 0;
              case 2 -> 0.25f;
              case 3 -> 1 + random.nextFloat();
              case 4 -> -1 - random.nextFloat();
              case 5 -> 0.05f * random.nextFloat();
              case 6 -> 1000 * (random.nextFloat() - 0.5f);
              default -> random.nextFloat() - 0.5f;
            };
      }
    }
    return weights;
  }

  private static float magnitude(float[] weights, int at) {
    float most = 0;
    for (int i = at / 256 * 256; i < at / 256 * 256 + 256; i++) {
      most = Math.max(most, Math.abs(weights[i]));
    }
    return most;
  }

  @ParameterizedTest
  @EnumSource
  void whatIsNoFiniteNumberIsNoticedWhenItIsPacked(TensorType type) {
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      float[] weights = new float[ROWS * COLUMNS];
      weights[3 * COLUMNS + 100] = bad;
      WeightRows rows = QuantizedRows.changed(matrix(weights), type, (row, values) -> {});
      byte[] panel = new byte[(int) PackedMatrix.panelBytes(PanelFormats.of(type), COLUMNS)];
      assertThat(PackedMatrix.packPanel(rows, 0, MemorySegment.ofArray(panel))).as("%s %s", type, bad).isFalse();
    }
  }

  @Test
  void aRowThatNoBlockDividesGetsAFinerType() {
    assertThat(QuantizedRows.fitting(TensorType.Q4_K, 512)).isEqualTo(TensorType.Q4_K);
    assertThat(QuantizedRows.fitting(TensorType.Q4_K, 96)).isEqualTo(TensorType.Q8_0);
    assertThat(QuantizedRows.fitting(TensorType.Q4_0, 20)).isEqualTo(TensorType.F16);
    assertThat(QuantizedRows.fitting(TensorType.BF16, 20)).isEqualTo(TensorType.BF16);
  }

  @Test
  void someRowsAreThoseOfTheWhole() {
    WeightRows rows = QuantizedRows.of(matrix(edges()), TensorType.Q5_K);
    byte[] whole = rows.rows(0, ROWS).toArray(ValueLayout.JAVA_BYTE);
    byte[] some = rows.rows(5, 3).toArray(ValueLayout.JAVA_BYTE);
    int rowBytes = whole.length / ROWS;
    assertThat(some).isEqualTo(java.util.Arrays.copyOfRange(whole, 5 * rowBytes, 8 * rowBytes));
  }

  private static WeightMatrix matrix(float[] weights) {
    MemorySegment data = MemorySegment.ofArray(new byte[4 * weights.length]);
    MemorySegment.copy(weights, 0, data, FLOAT, 0, weights.length);
    return new WeightMatrix("test", TensorType.F32, ROWS, COLUMNS, data);
  }

  private static float[] roundTrip(TensorType type, float[] weights) {
    MemorySegment rows = QuantizedRows.changed(matrix(weights), type, (row, values) -> {}).rows(0, ROWS);
    float[] back = new float[weights.length];
    for (int block = 0; block < weights.length / type.blockSize(); block++) {
      PanelFormats.of(type).dequantize(rows, (long) block * type.blockBytes(), back, block * type.blockSize());
    }
    return back;
  }
}
