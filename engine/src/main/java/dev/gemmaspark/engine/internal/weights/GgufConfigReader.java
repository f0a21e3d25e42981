package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.error.ModelFormatException;
import dev.gemmaspark.engine.error.UnsupportedModelException;
import dev.gemmaspark.engine.internal.gguf.GgufFile;
import dev.gemmaspark.engine.internal.gguf.GgufMetadata;
import dev.gemmaspark.engine.internal.gguf.GgufTensorInfo;
import java.util.Arrays;

/** The sizes and constants of a GGUF file: checked before any tensor is looked at, because all shapes follow from them. */
final class GgufConfigReader {
  private static final String ARCHITECTURE = "general.architecture";
  private static final int MOST_LAYERS = 512;
  private static final int LARGEST_SIZE = 1 << 20;
  private static final int LARGEST_CONTEXT = 1 << 24;
  private static final int DEFAULT_WINDOW = 4096;
  private static final float DEFAULT_ROPE_THETA = 10000f;
  private static final float DEFAULT_ATTENTION_SOFTCAP = 50f;
  private static final float DEFAULT_FINAL_SOFTCAP = 30f;

  /** The 27B model: its queries are scaled by hidden size / heads, which no key says. */
  private static final int LAYERS_OF_27B = 46;

  private final GgufFile file;
  private final GgufMetadata metadata;
  private final Architecture architecture;

  private GgufConfigReader(GgufFile file) {
    this.file = file;
    this.metadata = file.metadata();
    this.architecture = architecture(file);
  }

  static ModelConfig read(GgufFile file) {
    return new GgufConfigReader(file).read();
  }

  private static Architecture architecture(GgufFile file) {
    String name = file.metadata().string(ARCHITECTURE);
    return Arrays.stream(Architecture.values())
        .filter(architecture -> architecture.label().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new UnsupportedModelException(
                    "%s holds a model of architecture '%s'; supported are %s"
                        .formatted(
                            file.path(),
                            name,
                            Arrays.stream(Architecture.values()).map(Architecture::label).toList())));
  }

  private ModelConfig read() {
    int layers = between("block_count", integer("block_count"), 1, MOST_LAYERS);
    int hiddenSize = size("embedding_length", integer("embedding_length"));
    int heads = size("attention.head_count", integer("attention.head_count"));
    int kvHeads =
        size("attention.head_count_kv", metadata.optionalInteger(key("attention.head_count_kv")).orElse(heads));
    require("attention.head_count_kv", kvHeads, heads % kvHeads == 0, "a divisor of the " + heads + " heads");
    int headDim =
        size("attention.key_length", metadata.optionalInteger(key("attention.key_length")).orElse(hiddenSize / heads));
    require("attention.key_length", headDim, headDim % 2 == 0, "even");
    int valueDim = metadata.optionalInteger(key("attention.value_length")).orElse(headDim);
    require("attention.value_length", valueDim, valueDim == headDim, "the key length " + headDim);
    float epsilon = metadata.optionalFloat(key("attention.layer_norm_rms_epsilon")).orElse(1e-6f);
    require("attention.layer_norm_rms_epsilon", epsilon, epsilon > 0 && epsilon < 1, "between 0 and 1");
    float theta = metadata.optionalFloat(key("rope.freq_base")).orElse(DEFAULT_ROPE_THETA);
    require("rope.freq_base", theta, theta > 0 && Float.isFinite(theta), "a positive number");
    boolean second = architecture == Architecture.GEMMA2;
    return new ModelConfig(
        architecture,
        layers,
        hiddenSize,
        size("feed_forward_length", integer("feed_forward_length")),
        heads,
        kvHeads,
        headDim,
        queryScale(layers, hiddenSize, heads, headDim),
        second ? softcap("attn_logit_softcapping", DEFAULT_ATTENTION_SOFTCAP) : 0,
        second ? softcap("final_logit_softcapping", DEFAULT_FINAL_SOFTCAP) : 0,
        second
            ? between(
                "attention.sliding_window",
                metadata.optionalInteger(key("attention.sliding_window")).orElse(DEFAULT_WINDOW),
                1,
                LARGEST_CONTEXT)
            : 0,
        epsilon,
        theta,
        between("context_length", integer("context_length"), 2, LARGEST_CONTEXT),
        vocabSize());
  }

  private float queryScale(int layers, int hiddenSize, int heads, int headDim) {
    boolean is27B = architecture == Architecture.GEMMA2 && layers == LAYERS_OF_27B;
    return (float) (1 / Math.sqrt(is27B ? (double) hiddenSize / heads : headDim));
  }

  private float softcap(String name, float whereMissing) {
    float cap = metadata.optionalFloat(key(name)).orElse(whereMissing);
    require(name, cap, cap >= 0 && Float.isFinite(cap), "0 or a positive number");
    return cap;
  }

  /** No key says it: the embedding does. */
  private int vocabSize() {
    GgufTensorInfo embedding =
        file.tensor(GgufWeights.EMBEDDING).orElseThrow(() -> GgufWeights.missing(file, GgufWeights.EMBEDDING));
    long rows = embedding.shape().length < 2 ? 1 : embedding.shape()[1];
    if (rows > LARGEST_SIZE) {
      throw broken("the embedding has %d rows; at most %d expected".formatted(rows, LARGEST_SIZE));
    }
    return (int) rows;
  }

  private int integer(String name) {
    return metadata.integer(key(name));
  }

  private String key(String name) {
    return architecture.label() + "." + name;
  }

  private int size(String name, int value) {
    return between(name, value, 1, LARGEST_SIZE);
  }

  private int between(String name, int value, int least, int most) {
    require(name, value, value >= least && value <= most, "between " + least + " and " + most);
    return value;
  }

  private void require(String name, Object value, boolean holds, String allowed) {
    if (!holds) {
      throw broken("%s is %s; it must be %s".formatted(key(name), value, allowed));
    }
  }

  private ModelFormatException broken(String problem) {
    return new ModelFormatException(file.path(), ModelFormatException.NO_OFFSET, problem);
  }
}
