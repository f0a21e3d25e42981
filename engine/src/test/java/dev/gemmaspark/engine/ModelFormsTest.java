package dev.gemmaspark.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.error.InvalidSettingException;
import dev.gemmaspark.engine.internal.safetensors.SafetensorsBuilder;
import dev.gemmaspark.engine.internal.safetensors.SafetensorsFile;
import dev.gemmaspark.engine.internal.tensor.StoredTensor;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Models that are changed on the way: converted, quantized, adapted. */
class ModelFormsTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final Path HUGGING_FACE = GOLDEN.resolve("gemma2-gguf");
  private static final Path ODD_SHAPES = GOLDEN.resolve("gemma2-odd-shapes");

  @TempDir Path folder;
  private EngineOptions options;

  @BeforeEach
  void setUp() {
    options = EngineOptions.forModel("none").withThreads(2).withCacheDirectory(folder.resolve("cache")).withKvCacheType(KvCacheType.F32);
  }

  /** The query scale of this one is another than readers of GGUF assume, and its widths are divided by few blocks. */
  @ParameterizedTest
  @ValueSource(strings = {"gemma2-odd-shapes", "gemma1-mqa", "gemma2-gguf"})
  void aConvertedModelGivesTheLogitsOfTheReference(String name) throws IOException {
    Path file = folder.resolve("converted.gguf");
    ModelConverter.convert(options.withModel(ModelSource.of(GOLDEN.resolve(name).toString())), "F32", file);
    JsonNode reference = new ObjectMapper().readTree(GOLDEN.resolve(name).resolve("expected.json").toFile());
    for (JsonNode expected : reference.get("cases")) {
      float[] logits = logits(ModelSource.of(file.toString()), ints(expected.get("tokens")));
      for (int i = 0; i < logits.length; i++) {
        assertThat((double) logits[i]).isCloseTo(expected.get("last_logits").get(i).asDouble(), within(reference.get("tolerance").asDouble()));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"Q8_0", "Q4_0", "Q5_1", "Q2_K", "Q3_K_M", "Q4_K_M", "Q6_K", "IQ4_XS"})
  void quantizingWhileLoadingIsQuantizingBefore(String type) {
    Path file = folder.resolve("quantized.gguf");
    ModelSource source = ModelSource.of(HUGGING_FACE.toString());
    ModelConverter.convert(options.withModel(source), type, file);
    int[] tokens = {2, 300, 400, 310, 17};
    assertThat(logits(source.withQuantization(type), tokens)).isEqualTo(logits(ModelSource.of(file.toString()), tokens));
  }

  @Test
  void whatBlocksDoNotDivideIsListed() {
    ModelReport report =
        ModelReport.of(options.withModel(ModelSource.of(ODD_SHAPES.toString()).withQuantization("Q4_K")), ModelReport.Depth.WEIGHTS);
    // rows of 96, 160 and 120: Q8_0 where 32 divides them, else F16
    assertThat(report.facts()).containsKeys("matrices Q8_0", "matrices F16").doesNotContainKey("matrices Q4_K");
    assertThat(report.problems()).isEmpty();
  }

  @Test
  void aConversionOverwritesNothingAndKnowsItsTypes() throws IOException {
    Path file = Files.writeString(folder.resolve("mine.gguf"), "x");
    EngineOptions demo = options.withModel(ModelSource.of("demo"));
    assertThatThrownBy(() -> ModelConverter.convert(demo, "Q8_0", file)).hasMessageContaining("mine.gguf exists already");
    assertThat(file).hasContent("x");
    assertThatThrownBy(() -> ModelConverter.convert(demo, "Q9", folder.resolve("a.gguf")))
        .isInstanceOf(InvalidSettingException.class)
        .hasMessageContaining("no weight type 'Q9'; there are F32, F16");
    assertThatThrownBy(() -> ModelConverter.convert(demo, "Q8_0", folder.resolve("no/a.gguf"))).hasMessageContaining("There is no folder");
  }

  @Test
  void anAdapterGivesTheLogitsOfWeightsMergedByHand() throws IOException {
    Map<String, int[]> adapted =
        new TreeMap<>(
            Map.of(
                "layers.0.self_attn.q_proj", new int[] {256, 256},
                "layers.1.mlp.down_proj", new int[] {256, 256},
                "layers.1.self_attn.v_proj", new int[] {128, 256}));
    Path adapter = adapter(adapted, 3, 6, "");
    Path merged = mergedByHand(adapter, adapted, 3, 2);
    int[] tokens = {2, 300, 400, 310, 17, 90};
    ModelSource base = ModelSource.of(HUGGING_FACE.toString());
    float[] expected = logits(ModelSource.of(merged.toString()), tokens);
    float[] actual = logits(base.withLora(adapter), tokens);
    assertThat(difference(actual, expected)).isLessThan(1e-4);
    assertThat(difference(actual, logits(base, tokens))).isGreaterThan(0.05);
    // of a quantized base, what the adapter touches becomes Q8_0
    ModelSource quantized = ModelSource.of(HUGGING_FACE.resolve("gemma2-q4_0.gguf").toString()).withLora(adapter);
    assertThat(ModelReport.of(options.withModel(quantized), ModelReport.Depth.HEADER).facts().get("matrices Q8_0")).startsWith("3, ");
    ModelIdentity identity = ModelIdentity.of(options.withModel(quantized));
    assertThat(identity.name()).isEqualTo("gemma2-q4_0.gguf+adapter");
    assertThat(identity.sha256()).isNotEqualTo(ModelIdentity.of(options.withModel(base)).sha256());
  }

  @Test
  void anAdapterThatDoesNotFitIsRefused() throws IOException {
    ModelSource base = ModelSource.of(HUGGING_FACE.toString());
    Map<String, int[]> wrong = Map.of("layers.0.self_attn.q_proj", new int[] {256, 128});
    refused(base.withLora(adapter(wrong, 2, 2, "")), "256 x 2 times 2 x 128, but the matrix is 256 x 256");
    Map<String, int[]> tooDeep = Map.of("layers.7.self_attn.q_proj", new int[] {256, 256});
    refused(base.withLora(adapter(tooDeep, 2, 2, "")), "layers.7.self_attn.q_proj.A is for no matrix of the model");
    Map<String, int[]> right = Map.of("layers.0.self_attn.q_proj", new int[] {256, 256});
    refused(base.withLora(adapter(right, 2, 2, ",\"use_dora\":true")), "adapters with use_dora are not read");
    refused(base.withLora(adapter(right, 2, 2, ",\"modules_to_save\":[\"embed_tokens\"]")), "adapters with modules_to_save are not read");
    refused(base.withLora(adapter(right, 0, 2, "")), "r is 0");
    refused(base.withLora(folder.resolve("none")), "is no LoRA adapter");
    refused(ModelSource.of(adapter(right, 2, 2, "").toString()), "is a LoRA adapter; name the model that it adapts");
  }

  @Test
  void aModelOfAnotherChecksumIsRefused() {
    ModelSource source = ModelSource.of(HUGGING_FACE.resolve("gemma2-q4_0.gguf").toString());
    String sha256 = ModelIdentity.of(options.withModel(source)).sha256();
    assertThat(ModelIdentity.of(options.withModel(source.withSha256(sha256))).sha256()).isEqualTo(sha256);
    assertThatThrownBy(() -> ModelIdentity.of(options.withModel(source.withSha256("0".repeat(64)))))
        .isInstanceOf(GemmaException.class)
        .hasMessageContaining(sha256)
        .hasMessageContaining("0".repeat(64));
  }

  private void refused(ModelSource source, String message) {
    assertThatThrownBy(() -> ModelReport.of(options.withModel(source), ModelReport.Depth.HEADER))
        .isInstanceOf(GemmaException.class)
        .hasMessageContaining(message);
  }

  /** An adapter of random weights for some matrices, of rows x columns. */
  private Path adapter(Map<String, int[]> adapted, int rank, int alpha, String more) throws IOException {
    Path adapter = Files.createDirectories(folder.resolve("adapter"));
    Files.writeString(
        adapter.resolve("adapter_config.json"), String.format(Locale.ROOT, "{\"peft_type\":\"LORA\",\"r\":%d,\"lora_alpha\":%d%s}",
            rank, alpha, more));
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(5);
    SafetensorsBuilder weights = new SafetensorsBuilder();
    adapted.forEach(
        (name, shape) -> {
          String prefix = "base_model.model.model." + name;
          weights.floats(prefix + ".lora_A.weight", random(rank * shape[1], random), rank, shape[1]);
          weights.floats(prefix + ".lora_B.weight", random(shape[0] * rank, random), shape[0], rank);
        });
    Files.write(adapter.resolve("adapter_model.safetensors"), weights.build());
    return adapter;
  }

  private static float[] random(int count, RandomGenerator random) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (0.1 * random.nextGaussian());
    }
    return values;
  }

  private Path mergedByHand(Path adapter, Map<String, int[]> adapted, int rank, double scale) throws IOException {
    Path merged = Files.createDirectories(folder.resolve("merged"));
    for (String file : List.of("config.json", "tokenizer.model")) {
      Files.copy(HUGGING_FACE.resolve(file), merged.resolve(file));
    }
    SafetensorsFile base = SafetensorsFile.open(HUGGING_FACE.resolve("model.safetensors"));
    SafetensorsFile update = SafetensorsFile.open(adapter.resolve("adapter_model.safetensors"));
    SafetensorsBuilder all = new SafetensorsBuilder();
    for (String name : base.names()) {
      StoredTensor tensor = base.tensor(name).orElseThrow();
      float[] weights = floats(tensor);
      String key = name.replaceFirst("^model\\.", "").replace(".weight", "");
      if (adapted.containsKey(key)) {
        float[] a = floats(update.tensor("base_model.model.model." + key + ".lora_A.weight").orElseThrow());
        float[] b = floats(update.tensor("base_model.model.model." + key + ".lora_B.weight").orElseThrow());
        int columns = adapted.get(key)[1];
        for (int i = 0; i < weights.length; i++) {
          double sum = 0;
          for (int r = 0; r < rank; r++) {
            sum += (double) b[i / columns * rank + r] * a[r * columns + i % columns];
          }
          weights[i] += (float) (scale * sum);
        }
      }
      all.floats(name, weights, Stream.of(tensor.shape()).flatMapToLong(java.util.Arrays::stream).mapToInt(n -> (int) n).toArray());
    }
    Files.write(merged.resolve("model.safetensors"), all.build());
    return merged;
  }

  private static float[] floats(StoredTensor tensor) {
    return tensor.data().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN));
  }

  private float[] logits(ModelSource source, int[] tokens) {
    try (LogitsProbe probe = LogitsProbe.open(options.withModel(source), 16, 1)) {
      return probe.ask(List.of(new LogitsProbe.Query(tokens, 1))).getFirst().lastLogits();
    }
  }

  private static double difference(float[] a, float[] b) {
    double most = 0;
    for (int i = 0; i < a.length; i++) {
      most = Math.max(most, Math.abs(a[i] - b[i]));
    }
    return most;
  }

  private static int[] ints(JsonNode array) {
    int[] values = new int[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).asInt();
    }
    return values;
  }
}
