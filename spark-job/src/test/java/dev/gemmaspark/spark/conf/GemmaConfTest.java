package dev.gemmaspark.spark.conf;

import static java.util.Map.entry;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import dev.gemmaspark.engine.KvCacheType;
import dev.gemmaspark.engine.chat.ChatTemplate;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GemmaConfTest {
  @Test
  void defaultsAreTheDocumentedOnes() {
    GemmaConf conf = GemmaConf.of(Map.of());
    assertThat(conf.model()).isEqualTo("demo");
    assertThat(conf.modelSha256()).isEmpty();
    assertThat(conf.cacheDirectory()).isEmpty();
    assertThat(conf.quantization()).isEmpty();
    assertThat(conf.lora()).isEmpty();
    assertThat(conf.chatTemplate()).isEmpty();
    assertThat(conf.contextLength()).isEmpty();
    assertThat(conf.threads()).isEmpty();
    assertThat(conf.maxSequences()).isEqualTo(32);
    assertThat(conf.kvCacheBytes()).isEmpty();
    assertThat(conf.batchRows()).isEqualTo(64);
    assertThat(conf.failOnError()).isTrue();
    assertThat(conf.repartition()).isEqualTo("auto");
    assertThat(conf.preload()).isFalse();
    assertThat(conf.promptDirectory()).isEmpty();
  }

  @Test
  void everyKeyIsFollowed() {
    GemmaConf conf =
        GemmaConf.of(
            Map.ofEntries(
                entry("spark.gemma.model", "/m.gguf"),
                entry("spark.gemma.model.sha256", "0123456789abcdef".repeat(4)),
                entry("spark.gemma.model.cacheDir", "/cache"),
                entry("spark.gemma.quantization", "Q4_K"),
                entry("spark.gemma.lora", "/adapter"),
                entry("spark.gemma.chatTemplate", "gemma_with_system_turn"),
                entry("spark.gemma.contextLength", "1000"),
                entry("spark.gemma.threads", "3"),
                entry("spark.gemma.maxSequences", "7"),
                entry("spark.gemma.kvCacheMemory", "2g"),
                entry("spark.gemma.kvCacheType", "BF16"),
                entry("spark.gemma.batchRows", "5"),
                entry("spark.gemma.failOnError", "false"),
                entry("spark.gemma.repartition", "12"),
                entry("spark.gemma.preload", "true"),
                entry("spark.gemma.promptDir", "/prompts")));
    assertThat(conf.settings()).hasSameSizeAs(GemmaConf.KEYS);
    assertThat(conf.model()).isEqualTo("/m.gguf");
    assertThat(conf.modelSha256()).contains("0123456789abcdef".repeat(4));
    assertThat(conf.cacheDirectory()).contains(Path.of("/cache"));
    assertThat(conf.quantization()).contains("Q4_K");
    assertThat(conf.lora()).contains("/adapter");
    assertThat(conf.chatTemplate()).contains(ChatTemplate.GEMMA_WITH_SYSTEM_TURN);
    assertThat(conf.contextLength()).hasValue(1000);
    assertThat(conf.threads()).hasValue(3);
    assertThat(conf.maxSequences()).isEqualTo(7);
    assertThat(conf.kvCacheBytes()).hasValue(2L << 30);
    assertThat(conf.kvCacheType()).isEqualTo(KvCacheType.BF16);
    assertThat(conf.batchRows()).isEqualTo(5);
    assertThat(conf.failOnError()).isFalse();
    assertThat(conf.repartition()).isEqualTo("12");
    assertThat(conf.preload()).isTrue();
    assertThat(conf.promptDirectory()).contains(Path.of("/prompts"));
  }

  @ParameterizedTest
  @CsvSource({
    "contextLength, 1", "contextLength, many", "threads, 0", "maxSequences, -1", "kvCacheMemory, 5", "kvCacheMemory, xg",
    "kvCacheType, f8", "model.sha256, abc", "chatTemplate, llama", "batchRows, 0", "failOnError, yes", "repartition, some", "repartition, 0"
  })
  void valuesThatAreNotAllowedAreNamed(String key, String value) {
    assertThatThrownBy(() -> GemmaConf.of(Map.of("spark.gemma." + key, value)))
        .hasMessageContaining("spark.gemma." + key + " is '" + value + "'; it must be ");
  }

  @Test
  void unknownKeysAreAnErrorAndOthersSettingsAreNot() {
    assertThatThrownBy(() -> GemmaConf.of(Map.of("SPARK.GEMMA.BATCHROWS", "1"))).hasMessageStartingWith("SPARK.GEMMA.BATCHROWS is no setting (did you mean spark.gemma.batchRows?); ");
    assertThatThrownBy(() -> GemmaConf.of(Map.of("spark.gemma.foo", "1"))).hasMessageStartingWith("spark.gemma.foo is no setting; take it away where it is set, in SQL with RESET spark.gemma.foo; the settings are spark.gemma.model, ");
    assertThat(GemmaConf.of(Map.of("spark.gemmas.foo", "1", "spark.app.name", "x")).settings()).isEmpty();
  }

  @Test
  void theReadmesTableHasTheseKeysDefaultsAndMeanings() throws Exception {
    List<String> readme = Files.readAllLines(Path.of("../README.md"));
    for (ConfigKey<?> key : GemmaConf.KEYS) {
      assertThat(readme).contains(String.format(Locale.ROOT, "| `%s` | %s | %s |", key.name(), key.defaultText(), key.meaning()));
    }
    assertThat(readme.stream().filter(line -> line.startsWith("| `spark.gemma."))).hasSameSizeAs(GemmaConf.KEYS);
  }
}
