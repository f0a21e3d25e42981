package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.error.InvalidSettingException;
import dev.gemmaspark.engine.internal.quantization.QuantizedRows;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Which type each matrix of a model gets: one type for all of them, or the mixes by which llama.cpp gives matrices that matter more a finer
 * type. The numbers are those of {@code general.file_type}. Source: src/llama-quant.cpp and include/llama.h of
 * https://github.com/ggml-org/llama.cpp.
 */
public enum QuantizationMix {
  F32(TensorType.F32, 0),
  F16(TensorType.F16, 1),
  BF16(TensorType.BF16, 32),
  Q8_0(TensorType.Q8_0, 7),
  Q4_0(TensorType.Q4_0, 2),
  Q4_1(TensorType.Q4_1, 3),
  Q5_0(TensorType.Q5_0, 8),
  Q5_1(TensorType.Q5_1, 9),
  Q2_K(TensorType.Q2_K, 10),
  Q3_K(TensorType.Q3_K, 12),
  Q4_K(TensorType.Q4_K, 15),
  Q5_K(TensorType.Q5_K, 17),
  Q6_K(TensorType.Q6_K, 18),
  IQ4_NL(TensorType.IQ4_NL, 25),
  IQ4_XS(TensorType.IQ4_XS, 30),
  Q3_K_M(TensorType.Q3_K, 12) {
    @Override
    TensorType type(TensorName name, int layers) {
      return switch (name.role()) {
        case EMBEDDING, HEAD -> TensorType.Q6_K;
        case VALUE -> name.layer() < 2 ? TensorType.Q5_K : TensorType.Q4_K;
        case DOWN -> name.layer() < layers / 16 ? TensorType.Q5_K : TensorType.Q4_K;
        case OUTPUT -> TensorType.Q4_K;
        default -> TensorType.Q3_K;
      };
    }
  },
  Q4_K_S(TensorType.Q4_K, 14) {
    @Override
    TensorType type(TensorName name, int layers) {
      return switch (name.role()) {
        case EMBEDDING, HEAD -> TensorType.Q6_K;
        case VALUE -> name.layer() < 4 ? TensorType.Q5_K : TensorType.Q4_K;
        case DOWN -> name.layer() < layers / 8 ? TensorType.Q5_K : TensorType.Q4_K;
        default -> TensorType.Q4_K;
      };
    }
  },
  Q4_K_M(TensorType.Q4_K, 15) {
    @Override
    TensorType type(TensorName name, int layers) {
      return sixBitsWhereItMatters(TensorType.Q4_K, name, layers);
    }
  },
  Q5_K_S(TensorType.Q5_K, 16) {
    @Override
    TensorType type(TensorName name, int layers) {
      return switch (name.role()) {
        case EMBEDDING, HEAD -> TensorType.Q6_K;
        default -> TensorType.Q5_K;
      };
    }
  },
  Q5_K_M(TensorType.Q5_K, 17) {
    @Override
    TensorType type(TensorName name, int layers) {
      return sixBitsWhereItMatters(TensorType.Q5_K, name, layers);
    }
  };

  private final TensorType type;
  private final int fileType;

  QuantizationMix(TensorType type, int fileType) {
    this.type = type;
    this.fileType = fileType;
  }

  /**
   * The mix of this name, in any case.
   *
   * @throws InvalidSettingException if there is none
   */
  public static QuantizationMix named(String name) {
    return find(name)
        .orElseThrow(
            () ->
                new InvalidSettingException(
                    String.format(Locale.ROOT, "There is no weight type '%s'; there are %s",
                        name, Stream.of(values()).map(Enum::name).collect(Collectors.joining(", ")))));
  }

  private static Optional<QuantizationMix> find(String name) {
    return Arrays.stream(values()).filter(mix -> mix.name().equalsIgnoreCase(name)).findFirst();
  }

  int fileType() {
    return fileType;
  }

  /** The type of a matrix; its width may ask for another. */
  TensorType type(TensorName name, int layers) {
    return type;
  }

  /** The model in these types. */
  public ModelWeights<WeightRows> apply(ModelWeights<WeightRows> weights) {
    int layers = weights.config().layers();
    return weights.map((name, matrix) -> QuantizedRows.of(matrix, type(name, layers)));
  }

  private static TensorType sixBitsWhereItMatters(TensorType base, TensorName name, int layers) {
    int layer = name.layer();
    boolean more = layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
    return switch (name.role()) {
      case EMBEDDING, HEAD -> TensorType.Q6_K;
      case VALUE, DOWN -> more ? TensorType.Q6_K : base;
      default -> base;
    };
  }
}
