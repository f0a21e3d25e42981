package dev.gemmaspark.engine.internal.weights;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gemmaspark.engine.error.ModelFormatException;
import dev.gemmaspark.engine.error.ModelNotFoundException;
import dev.gemmaspark.engine.error.UnsupportedModelException;
import dev.gemmaspark.engine.internal.quantization.QuantizedRows;
import dev.gemmaspark.engine.internal.safetensors.SafetensorsFile;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import dev.gemmaspark.engine.internal.tensor.PanelFormats;
import dev.gemmaspark.engine.internal.tensor.StoredTensor;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A LoRA adapter in a directory as Hugging Face's PEFT writes it: {@code W' = W + scale * B A} for some of the matrices, with B of rows x rank
 * and A of rank x columns, and scale alpha / rank, or alpha / sqrt(rank) where it is "rank-stabilized".
 *
 * @see <a href="https://arxiv.org/abs/2106.09685">LoRA: Low-Rank Adaptation of Large Language Models</a>
 */
public final class LoraAdapter {
  static final String CONFIG = "adapter_config.json";
  private static final String WEIGHTS = "adapter_model.safetensors";
  private static final int LARGEST_RANK = 4096;

  /** Ways to start an adapter that leave the model's own matrices as they are. */
  private static final Set<String> STARTS = Set.of("gaussian", "orthogonal", "eva", "true", "false");

  private static final Pattern NAME =
      Pattern.compile("(?:base_model\\.model\\.)?(?:model\\.)?(layers\\.(\\d{1,4})\\..+)\\.lora_([AB])(?:\\.default)?\\.weight");

  private final Path directory;
  private final int rank;
  private final float scale;
  private final Map<String, StoredTensor> tensors = new HashMap<>();

  private LoraAdapter(Path directory) {
    this.directory = directory;
    JsonNode config = JsonFile.read(directory.resolve(CONFIG));
    checkKind(config);
    this.rank = config.path("r").asInt();
    double alpha = config.path("lora_alpha").asDouble(Double.NaN);
    if (rank < 1 || rank > LARGEST_RANK || !Double.isFinite(alpha)) {
      throw broken(
          String.format(Locale.ROOT, "r is %s and lora_alpha %s; a rank of 1 to %d, and a number, expected",
              shown(config.path("r")), shown(config.path("lora_alpha")), LARGEST_RANK));
    }
    JsonNode stabilized = config.path("use_rslora");
    if (!stabilized.isBoolean() && !Unread.meansNone("use_rslora", stabilized)) {
      throw broken(String.format(Locale.ROOT, "use_rslora is %s; true or false expected", stabilized));
    }
    this.scale = (float) (alpha / (stabilized.asBoolean() ? Math.sqrt(rank) : rank));
    SafetensorsFile file = SafetensorsFile.open(directory.resolve(WEIGHTS));
    for (String name : file.names()) {
      Matcher parts = NAME.matcher(name);
      if (!parts.matches()) {
        throw new UnsupportedModelException(
            String.format(Locale.ROOT, "%s changes %s; only the matrices of the layers can be adapted", directory.resolve(WEIGHTS), name));
      }
      if (tensors.put(parts.group(1) + "." + parts.group(3), file.tensor(name).orElseThrow()) != null) {
        throw broken(String.format(Locale.ROOT, "%s stands in the adapter twice, under two names", name));
      }
    }
  }

  private static String shown(JsonNode value) {
    return value.isMissingNode() ? "missing" : value.toString();
  }

  /** Every version of PEFT adds fields: what is not known, and says something, is refused. */
  private void checkKind(JsonNode config) {
    if (!config.path("peft_type").asText("LORA").equals("LORA")) {
      throw new UnsupportedModelException(directory + " is an adapter of kind " + config.path("peft_type").asText() + "; LORA is read");
    }
    for (Map.Entry<String, JsonNode> field : config.properties()) {
      if (!KnownFields.ADAPTER.contains(field.getKey()) && !Unread.meansNone(field.getKey(), field.getValue())) {
        throw new UnsupportedModelException(
            String.format(Locale.ROOT, "%s: adapters with %s are not read; merge it into its model, and name the merged one",
                directory, field.getKey()));
      }
    }
    JsonNode start = config.path("init_lora_weights");
    if (start.isTextual() && !STARTS.contains(start.asText())) {
      throw new UnsupportedModelException(
          String.format(Locale.ROOT,
              "%s: init_lora_weights is %s, which changes the model that the adapter is for; merge it into that model, and name the merged one",
              directory, start));
    }
  }

  /** The files that an adapter is made of. */
  public static List<Path> files(Path directory) {
    List<Path> files = List.of(directory.resolve(CONFIG), directory.resolve(WEIGHTS));
    for (Path file : files) {
      if (!Files.exists(file)) {
        throw new ModelNotFoundException(
            String.format(Locale.ROOT, "%s is no LoRA adapter: there is no %s in it; a directory with %s and %s expected",
                directory, file.getFileName(), CONFIG, WEIGHTS));
      }
    }
    return files;
  }

  /**
   * Reads an adapter and merges it. The matrices that it changes keep their type if that is of plain numbers, and become Q8_0 otherwise.
   *
   * @throws dev.gemmaspark.engine.error.GemmaException if it is missing or broken, or does not fit the model
   */
  public static ModelWeights<WeightRows> merge(Path directory, ModelWeights<WeightRows> weights) {
    files(directory);
    LoraAdapter adapter = new LoraAdapter(directory);
    Architecture architecture = weights.config().architecture();
    TreeSet<String> unused = new TreeSet<>(adapter.tensors.keySet());
    ModelWeights<WeightRows> merged =
        weights.map(
            (name, matrix) -> {
              String key = name.role().huggingFace(architecture, name.layer()).replace(".weight", "");
              boolean hasA = unused.remove(key + ".A");
              boolean hasB = unused.remove(key + ".B");
              if (hasA != hasB) {
                throw adapter.broken(String.format(Locale.ROOT, "%s has only one of its two matrices", key));
              }
              return hasA ? adapter.merge(key, matrix) : matrix;
            });
    if (!unused.isEmpty()) {
      throw adapter.broken(String.format(Locale.ROOT, "%s is for no matrix of the model; is it the adapter of another model?",
          unused.first()));
    }
    return merged;
  }

  private WeightRows merge(String key, WeightRows matrix) {
    StoredTensor a = tensors.get(key + ".A");
    StoredTensor b = tensors.get(key + ".B");
    if (!a.hasShape(rank, matrix.columns()) || !b.hasShape(matrix.rows(), rank)) {
      throw broken(
          String.format(Locale.ROOT, "%s is %s times %s, but the matrix is %d x %d; is it the adapter of another model?",
              key, b.shapeText(), a.shapeText(), matrix.rows(), matrix.columns()));
    }
    float[] down = numbers(a);
    float[] up = numbers(b);
    TensorType type = matrix.type().blockSize() == 1 ? matrix.type() : TensorType.Q8_0;
    return QuantizedRows.changed(matrix, type, (row, weights) -> add(weights, row, up, down, rank));
  }

  private void add(float[] weights, int row, float[] up, float[] down, int rank) {
    for (int r = 0; r < rank; r++) {
      float factor = scale * up[row * rank + r];
      for (int i = 0; i < weights.length; i++) {
        weights[i] += factor * down[r * weights.length + i];
      }
    }
  }

  private static float[] numbers(StoredTensor tensor) {
    PanelFormat format = PanelFormats.of(tensor.type());
    int bytes = tensor.type().blockBytes();
    float[] numbers = new float[Math.toIntExact(tensor.data().byteSize() / bytes)];
    for (int i = 0; i < numbers.length; i++) {
      format.dequantize(tensor.data(), (long) i * bytes, numbers, i);
    }
    return numbers;
  }

  private ModelFormatException broken(String problem) {
    return new ModelFormatException(directory, ModelFormatException.NO_OFFSET, problem);
  }
}
