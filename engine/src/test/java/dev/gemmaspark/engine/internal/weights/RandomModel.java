package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.internal.tensor.RandomWeights;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import dev.gemmaspark.engine.internal.tokenizer.TokenType;
import dev.gemmaspark.engine.internal.tokenizer.Vocabulary;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/** Small models of random weights, with all that Gemma 2 has: soft caps, windows, grouped queries, post norms. */
public final class RandomModel {
  private static final int VOCABULARY = 300;

  private RandomModel() {}

  public static ModelWeights<WeightRows> gemma2(TensorType type) {
    ModelConfig config =
        new ModelConfig(
            Architecture.GEMMA2, LayerConfig.alternating(3, 24, Rope.unscaled(10000)), 256, 512, 4, 2, 32, 0.2f, 50f, 30f, 1e-6f, 256, VOCABULARY);
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(7);
    List<LayerWeights<WeightRows>> layers = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      layers.add(
          new LayerWeights<>(
              norm(256, random),
              matrix(type, 128, 256, random),
              matrix(type, 64, 256, random),
              matrix(type, 64, 256, random),
              matrix(type.blockSize() == 256 ? TensorType.Q8_0 : type, 256, 128, random),
              Optional.of(norm(256, random)),
              norm(256, random),
              matrix(type, 512, 256, random),
              matrix(type, 512, 256, random),
              matrix(type, 256, 512, random),
              Optional.of(norm(256, random))));
    }
    return new ModelWeights<>(
        config, vocabulary(), Optional.empty(), Set.of(1), matrix(type, VOCABULARY, 256, random), Optional.empty(), layers, norm(256, random));
  }

  private static WeightRows matrix(TensorType type, int rows, int columns, RandomGenerator random) {
    return RandomWeights.matrix(type, rows, columns, random);
  }

  private static float[] norm(int size, RandomGenerator random) {
    float[] norm = new float[size];
    for (int i = 0; i < size; i++) {
      norm[i] = 1 + (random.nextFloat() - 0.5f) / 4;
    }
    return norm;
  }

  private static Vocabulary vocabulary() {
    String[] pieces = new String[VOCABULARY];
    TokenType[] types = new TokenType[VOCABULARY];
    Arrays.fill(types, TokenType.NORMAL);
    for (int i = 0; i < VOCABULARY; i++) {
      pieces[i] = i < 6 ? List.of("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>").get(i) : "p" + i;
      types[i] = i == 3 ? TokenType.UNKNOWN : i < 6 ? TokenType.CONTROL : TokenType.NORMAL;
    }
    for (int b = 0; b < 256; b++) {
      pieces[6 + b] = String.format(Locale.ROOT, "<0x%02X>", b);
      types[6 + b] = TokenType.BYTE;
    }
    return new Vocabulary(
        pieces, new float[VOCABULARY], types, 2, 1, 3, OptionalInt.of(4), OptionalInt.of(5));
  }
}
