package dev.gemmaspark.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gemmaspark.engine.error.UnsupportedModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Models and adapters as the libraries of today save them: their logits are right, or they are refused by what is not supported. */
@EnabledIf("dev.gemmaspark.engine.TestData#isPresent")
class FineTunesTest {
  /** Those that are not supported, and what a user is told. */
  private static final Map<String, String> REFUSED =
      Map.ofEntries(
          Map.entry("attention-bias", "attention_bias is true, which is not supported"),
          Map.entry("gelu-exact", "hidden_activation is \"gelu\", which is not supported"),
          Map.entry("bitsandbytes-nf4", "the weights are quantized by bitsandbytes (quantization_config), which is not supported"),
          Map.entry("bitsandbytes-fp4", "the weights are quantized by bitsandbytes (quantization_config), which is not supported"),
          Map.entry("adapter-bias", "adapters with lora_bias are not read; merge it into its model"),
          Map.entry("adapter-dora", "adapters with use_dora are not read"),
          Map.entry("adapter-patterns", "_pattern are not read"),
          Map.entry("adapter-modules-to-save", "adapters with modules_to_save are not read"),
          Map.entry("adapter-head", "changes base_model.model.lm_head.lora_A.weight; only the matrices of the layers can be adapted"),
          Map.entry("adapter-embedding", "changes base_model.model.model.embed_tokens.lora_embedding_A; only the matrices of the layers can be adapted"),
          Map.entry("adapter-embedding-saved", "changes base_model.model.lm_head.weight; only the matrices of the layers can be adapted"));

  @TempDir static Path cache;

  static Stream<String> folders() throws IOException {
    try (Stream<Path> folders = Files.list(TestData.path("golden-finetunes"))) {
      return folders.map(folder -> folder.getFileName().toString()).sorted().toList().stream();
    }
  }

  @ParameterizedTest
  @MethodSource("folders")
  void theLogitsAreThoseOfTheLibraryOrTheModelIsRefusedByWhatIsNotSupported(String name) throws IOException {
    Path folder = TestData.path("golden-finetunes").resolve(name);
    boolean adapter = Files.exists(folder.resolve("adapter_config.json"));
    ModelSource model =
        adapter ? ModelSource.of(folder.resolveSibling("base").toString()).withLora(folder) : ModelSource.of(folder.toString());
    if (REFUSED.containsKey(name)) {
      assertThatThrownBy(() -> open(model)).isInstanceOf(UnsupportedModelException.class).hasMessageContaining(REFUSED.get(name)).message().doesNotContain("\n");
      return;
    }
    checkLogits(model, folder);
  }

  /** With what the keys of GGUF can say. */
  @ParameterizedTest
  @ValueSource(strings = {"rope-theta", "rope-linear", "rope-yarn", "layer-types", "untied-head", "padded-vocabulary"})
  void aFineTuneThatIsConvertedGivesTheSameLogits(String name) throws IOException {
    Path folder = TestData.path("golden-finetunes").resolve(name);
    Path file = cache.resolve(name + ".gguf");
    ModelConverter.convert(options(ModelSource.of(folder.toString())), "F32", file);
    checkLogits(ModelSource.of(file.toString()), folder);
  }

  private static void checkLogits(ModelSource model, Path folder) throws IOException {
    JsonNode reference = new ObjectMapper().readTree(folder.resolve("expected.json").toFile());
    double tolerance = reference.get("tolerance").asDouble();
    try (LogitsProbe probe = open(model)) {
      for (JsonNode expected : reference.get("cases")) {
        LogitsProbe.Answer answer =
            probe.ask(List.of(new LogitsProbe.Query(ints(expected.get("tokens")), expected.get("greedy").size()))).getFirst();
        assertThat(answer.argmax()).isEqualTo(ints(expected.get("argmax")));
        assertThat(answer.greedy()).isEqualTo(ints(expected.get("greedy")));
        JsonNode logits = expected.get("last_logits");
        assertThat(answer.lastLogits()).hasSize(logits.size());
        for (int i = 0; i < logits.size(); i++) {
          assertThat((double) answer.lastLogits()[i]).isCloseTo(logits.get(i).asDouble(), within(tolerance));
        }
      }
    }
  }

  private static LogitsProbe open(ModelSource model) {
    return LogitsProbe.open(options(model), 16, 1);
  }

  private static EngineOptions options(ModelSource model) {
    return EngineOptions.forModel(model).withThreads(2).withCacheDirectory(cache).withKvCacheType(KvCacheType.F32);
  }

  private static int[] ints(JsonNode array) {
    int[] values = new int[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).asInt();
    }
    return values;
  }
}
