package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.error.ModelFormatException;
import dev.gemmaspark.engine.error.UnsupportedModelException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** The sizes and constants of a model: checked before any tensor is looked at, because all shapes follow from them. */
abstract class ConfigReader {
  static final int LARGEST_SIZE = 1 << 20;
  private static final int MOST_LAYERS = 512;
  private static final int LARGEST_WIDTH = 1 << 18;
  private static final int LARGEST_HEAD = 1024;
  private static final int LARGEST_QUERY_WIDTH = 1 << 16;
  private static final int LARGEST_CONTEXT = 1 << 24;
  private static final int DEFAULT_WINDOW = 4096;
  static final float DEFAULT_ROPE_THETA = 10000f;
  private static final float DEFAULT_ATTENTION_SOFTCAP = 50f;
  private static final float DEFAULT_FINAL_SOFTCAP = 30f;

  final Path path;
  final Architecture architecture;

  ConfigReader(Path path, Architecture architecture) {
    this.path = path;
    this.architecture = architecture;
  }

  static Architecture architecture(Path path, String name) {
    return Arrays.stream(Architecture.values())
        .filter(architecture -> architecture.label().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new UnsupportedModelException(
                    String.format(Locale.ROOT, "%s holds a model of architecture '%s'; supported are %s",
                        path, name, Arrays.stream(Architecture.values()).map(Architecture::label).toList())));
  }

  /** What the source calls a key. */
  abstract String name(ConfigKey key);

  abstract Optional<Integer> integer(ConfigKey key);

  abstract Optional<Float> number(ConfigKey key);

  /** What queries are multiplied with. */
  abstract float queryScale(int layers, int hiddenSize, int heads, int headDim);

  abstract int vocabSize();

  /** Which layers of a model with sliding windows have one. */
  abstract boolean[] localLayers(int layers);

  /** How the local layers, or the others, turn positions into angles. */
  abstract Rope rope(boolean local);

  final ModelConfig read() {
    int layers = between(ConfigKey.LAYERS, required(ConfigKey.LAYERS), 1, MOST_LAYERS);
    int hiddenSize = between(ConfigKey.HIDDEN_SIZE, required(ConfigKey.HIDDEN_SIZE), 1, LARGEST_WIDTH);
    int heads = between(ConfigKey.ATTENTION_HEADS, required(ConfigKey.ATTENTION_HEADS), 1, LARGEST_QUERY_WIDTH / 2);
    int kvHeads = between(ConfigKey.KV_HEADS, integer(ConfigKey.KV_HEADS).orElse(heads), 1, LARGEST_QUERY_WIDTH);
    require(ConfigKey.KV_HEADS, kvHeads, heads % kvHeads == 0, "a divisor of the " + heads + " heads");
    int headDim = between(ConfigKey.HEAD_DIM, integer(ConfigKey.HEAD_DIM).orElse(hiddenSize / heads), 2, LARGEST_HEAD);
    require(ConfigKey.ATTENTION_HEADS, heads, heads * headDim <= LARGEST_QUERY_WIDTH, "at most " + LARGEST_QUERY_WIDTH / headDim + " of " + headDim);
    require(ConfigKey.HEAD_DIM, headDim, headDim % 2 == 0, "even");
    int valueDim = integer(ConfigKey.VALUE_DIM).orElse(headDim);
    require(ConfigKey.VALUE_DIM, valueDim, valueDim == headDim, "the key length " + headDim);
    float epsilon = number(ConfigKey.NORM_EPSILON).orElse(1e-6f);
    require(ConfigKey.NORM_EPSILON, epsilon, epsilon > 0 && epsilon < 1, "between 0 and 1");
    boolean second = architecture == Architecture.GEMMA2;
    ModelConfig config =
        new ModelConfig(
            architecture,
            layerConfigs(layers),
            hiddenSize,
            between(ConfigKey.INTERMEDIATE_SIZE, required(ConfigKey.INTERMEDIATE_SIZE), 1, LARGEST_WIDTH),
            heads,
            kvHeads,
            headDim,
            queryScale(layers, hiddenSize, heads, headDim),
            second ? softcap(ConfigKey.ATTENTION_SOFTCAP, DEFAULT_ATTENTION_SOFTCAP) : 0,
            second ? softcap(ConfigKey.FINAL_SOFTCAP, DEFAULT_FINAL_SOFTCAP) : 0,
            epsilon,
            between(ConfigKey.CONTEXT_LENGTH, required(ConfigKey.CONTEXT_LENGTH), 2, LARGEST_CONTEXT),
            vocabSize());
    check(config);
    return config;
  }

  /** Refuses what the source says a second time, and otherwise. */
  abstract void check(ModelConfig read);

  private List<LayerConfig> layerConfigs(int layers) {
    boolean[] local = localLayers(layers);
    int window =
        architecture == Architecture.GEMMA2
            ? between(ConfigKey.SLIDING_WINDOW, integer(ConfigKey.SLIDING_WINDOW).orElse(DEFAULT_WINDOW), 1, LARGEST_CONTEXT)
            : 0;
    List<LayerConfig> configs = new ArrayList<>();
    for (boolean isLocal : local) {
      configs.add(new LayerConfig(isLocal ? window : 0, rope(isLocal)));
    }
    return configs;
  }

  /** Every {@code period}-th layer is global, the others local; 0 where all are local. */
  final boolean[] periodically(int layers, int period) {
    require(ConfigKey.SLIDING_WINDOW_PATTERN, period, period >= 0, "0 or more");
    boolean[] local = new boolean[layers];
    for (int layer = 0; layer < layers; layer++) {
      local[layer] = period == 0 || layer % period < period - 1;
    }
    return local;
  }

  final float positive(String name, float value) {
    if (!(value > 0) || Float.isInfinite(value)) {
      throw broken(String.format(Locale.ROOT, "%s is %s; it must be a positive number", name, value));
    }
    return value;
  }

  final UnsupportedModelException unsupported(String problem) {
    return new UnsupportedModelException(path + ": " + problem);
  }

  private int required(ConfigKey key) {
    return integer(key)
        .orElseThrow(() -> broken("the key " + name(key) + " is missing; is this a Gemma, written by a current converter?"));
  }

  private float softcap(ConfigKey key, float whereMissing) {
    float cap = number(key).orElse(whereMissing);
    require(key, cap, cap >= 0 && Float.isFinite(cap), "0 or a positive number");
    return cap;
  }

  private int between(ConfigKey key, int value, int least, int most) {
    require(key, value, value >= least && value <= most, "between " + least + " and " + most);
    return value;
  }

  final void require(ConfigKey key, Object value, boolean holds, String allowed) {
    if (!holds) {
      throw broken(String.format(Locale.ROOT, "%s is %s; it must be %s", name(key), value, allowed));
    }
  }

  final ModelFormatException broken(String problem) {
    return new ModelFormatException(path, ModelFormatException.NO_OFFSET, problem);
  }
}
