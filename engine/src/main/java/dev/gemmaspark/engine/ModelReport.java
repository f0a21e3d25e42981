package dev.gemmaspark.engine;

import dev.gemmaspark.engine.chat.ChatTemplate;
import dev.gemmaspark.engine.internal.kernel.Kernels;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import dev.gemmaspark.engine.internal.tensor.PanelFormats;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import dev.gemmaspark.engine.internal.weights.ModelConfig;
import dev.gemmaspark.engine.internal.weights.ModelWeights;
import dev.gemmaspark.engine.internal.weights.Rope;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What is in a model file, for people.
 *
 * @param facts name and value, in the order to print them
 * @param problems why this engine does not run the model; empty if it does
 * @param contextLength of an engine with these options: tokens of prompt and completion together
 */
public record ModelReport(Map<String, String> facts, List<String> problems, int contextLength) {
  public ModelReport {
    problems = List.copyOf(problems);
  }

  /** How much is looked at. */
  public enum Depth {
    /** What the file says of itself. */
    HEADER,
    /** Every weight too: whether it is a finite number. */
    WEIGHTS
  }

  /**
   * Reads a model file.
   *
   * @param options of which the model, the cache folder and the listener are followed
   * @throws dev.gemmaspark.engine.error.GemmaException if the model is missing, broken or of another kind
   */
  public static ModelReport of(EngineOptions options, Depth depth) {
    LoadedModel loaded = LoadedModel.load(options);
    List<String> problems =
        depth == Depth.WEIGHTS ? nonFinite(loaded.weights(), options.progress()) : List.of();
    return new ModelReport(facts(loaded), problems, loaded.contextLength(options));
  }

  private static Map<String, String> facts(LoadedModel loaded) {
    ModelWeights<WeightRows> weights = loaded.weights();
    ModelConfig config = weights.config();
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("model", loaded.path().toString());
    facts.put("SHA-256", loaded.identity().sha256());
    facts.put("architecture", config.architecture().label());
    facts.put("parameters", String.format(Locale.ROOT, "%,d", weights.parameters()));
    facts.put("layers", "" + config.layers());
    facts.put("hidden size", "" + config.hiddenSize());
    facts.put("intermediate size", "" + config.intermediateSize());
    facts.put(
        "attention heads",
        String.format(Locale.ROOT, "%d of %d, %d for keys and values", config.attentionHeads(), config.headDim(), config.kvHeads()));
    facts.put("context length", "" + config.contextLength());
    facts.put("sliding window", windows(config));
    facts.put("rotary base", ropes(config));
    facts.put(
        "soft caps",
        config.attentionSoftcap() == 0 && config.finalSoftcap() == 0
            ? "none"
            : String.format(Locale.ROOT, "attention %.0f, logits %.0f", config.attentionSoftcap(), config.finalSoftcap()));
    matrixBytes(weights).forEach((type, size) -> facts.put("matrices " + type, size));
    facts.put("vocabulary", String.format(Locale.ROOT, "%,d pieces", config.vocabSize()));
    facts.put("chat template", template(weights));
    facts.put("kernels", Kernels.best().description());
    return facts;
  }

  private static String windows(ModelConfig config) {
    List<Integer> local = config.windows().stream().filter(window -> window > 0).toList();
    return local.isEmpty() ? "none" : String.format(Locale.ROOT, "%d, in %d of %d layers", local.getFirst(), local.size(), config.layers());
  }

  private static String ropes(ModelConfig config) {
    return config.layerConfigs().stream().map(layer -> rope(layer.rope())).distinct().collect(Collectors.joining(" and "));
  }

  private static String rope(Rope rope) {
    return String.format(Locale.ROOT, "%.0f", rope.theta())
        + switch (rope.scaling()) {
          case Rope.Linear(float factor) -> factor == 1 ? "" : ", divided by " + factor;
          case Rope.Yarn yarn -> ", YaRN by " + yarn.factor();
        };
  }

  private static Map<TensorType, String> matrixBytes(ModelWeights<WeightRows> weights) {
    Map<TensorType, long[]> sums = new TreeMap<>();
    for (WeightRows matrix : weights.matrices()) {
      long[] sum = sums.computeIfAbsent(matrix.type(), type -> new long[2]);
      sum[0]++;
      sum[1] += matrix.bytes();
    }
    Map<TensorType, String> sizes = new LinkedHashMap<>();
    sums.forEach((type, sum) -> sizes.put(type, String.format(Locale.ROOT, "%d, %.1f MiB", sum[0], sum[1] / 1048576.0)));
    return sizes;
  }

  private static String template(ModelWeights<WeightRows> weights) {
    return weights
        .chatTemplate()
        .map(text -> ChatTemplate.recognize(text).map(Enum::toString).orElse("not Gemma's: it takes raw prompts, or --chat-template says what it was taught"))
        .orElse("none in the file; GEMMA is used");
  }

  private static List<String> nonFinite(ModelWeights<WeightRows> weights, EngineOptions.LoadListener progress) {
    List<String> problems = new ArrayList<>();
    List<WeightRows> matrices = weights.matrices();
    for (int i = 0; i < matrices.size(); i++) {
      progress.progress("verifying", (double) i / matrices.size());
      WeightRows matrix = matrices.get(i);
      long row = firstNonFiniteRow(matrix);
      if (row >= 0) {
        problems.add(String.format(Locale.ROOT, "tensor %s has weights that are infinite or not numbers, first in row %d",
            matrix.name(), row));
      }
    }
    return problems;
  }

  private static long firstNonFiniteRow(WeightRows matrix) {
    PanelFormat format = PanelFormats.of(matrix.type());
    int blockBytes = matrix.type().blockBytes();
    float[] block = new float[matrix.type().blockSize()];
    for (int row = 0; row < matrix.rows(); row++) {
      MemorySegment blocks = matrix.rows(row, 1);
      for (long at = 0; at < blocks.byteSize(); at += blockBytes) {
        format.dequantize(blocks, at, block, 0);
        for (float weight : block) {
          if (!Float.isFinite(weight)) {
            return row;
          }
        }
      }
    }
    return -1;
  }
}
