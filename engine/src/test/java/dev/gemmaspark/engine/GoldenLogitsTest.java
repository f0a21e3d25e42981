package dev.gemmaspark.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random small checkpoints, and what a reference in double precision made of them. */
class GoldenLogitsTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");

  @TempDir static Path cache;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "gemma2-gguf/gemma2-f32", "gemma2-gguf/gemma2-f16", "gemma2-gguf/gemma2-bf16", "gemma2-gguf/gemma2-q8_0",
        "gemma2-gguf/gemma2-q4_0", "gemma2-gguf/gemma2-q4_k", "gemma2-gguf/gemma2-q6_k", "gemma2-gguf/gemma2-q4_k_m",
        "gemma1-mqa/gemma1-mqa-f16"
      })
  void logitsAndContinuationsAreThoseOfTheReference(String model) throws IOException {
    compare(GOLDEN, model);
  }

  @ParameterizedTest
  @EnabledIf("dev.gemmaspark.engine.TestData#isPresent")
  @ValueSource(
      strings = {
        "gemma2-gguf/gemma2-f32", "gemma2-gguf/gemma2-f16", "gemma2-gguf/gemma2-bf16", "gemma2-gguf/gemma2-q8_0",
        "gemma2-gguf/gemma2-q4_0", "gemma2-gguf/gemma2-q4_k", "gemma2-gguf/gemma2-q6_k", "gemma2-gguf/gemma2-q4_k_m",
        "gemma1-mqa/gemma1-mqa-f16"
      })
  void soAreThoseOfTheBiggerCheckpoints(String model) throws IOException {
    compare(TestData.path("golden"), model);
  }

  private static void compare(Path folder, String name) throws IOException {
    Path model = folder.resolve(name + ".gguf");
    Path own = folder.resolve(name + ".expected.json");
    Path expected = Files.exists(own) ? own : own.resolveSibling("expected.json");
    JsonNode reference = new ObjectMapper().readTree(expected.toFile());
    double tolerance = reference.get("tolerance").asDouble();
    EngineOptions options =
        EngineOptions.forModel(model.toString()).withThreads(2).withCacheDirectory(cache).withKvCacheType(KvCacheType.F32);
    List<JsonNode> cases = new ArrayList<>();
    reference.get("cases").forEach(cases::add);
    for (int chunk : List.of(1, 7, 512)) {
      for (int batch : List.of(1, 4)) {
        try (LogitsProbe probe = LogitsProbe.open(options, chunk, batch)) {
          for (int from = 0; from < cases.size(); from += batch) {
            List<JsonNode> some = cases.subList(from, Math.min(from + batch, cases.size()));
            List<LogitsProbe.Answer> answers =
                probe.ask(
                    some.stream()
                        .map(c -> new LogitsProbe.Query(ints(c.get("tokens")), c.get("greedy").size()))
                        .toList());
            for (int i = 0; i < some.size(); i++) {
              check(answers.get(i), some.get(i), tolerance);
            }
          }
        }
      }
    }
  }

  private static void check(LogitsProbe.Answer answer, JsonNode expected, double tolerance) {
    assertThat(answer.argmax()).isEqualTo(ints(expected.get("argmax")));
    assertThat(answer.greedy()).isEqualTo(ints(expected.get("greedy")));
    JsonNode logits = expected.get("last_logits");
    assertThat(answer.lastLogits()).hasSize(logits.size());
    for (int i = 0; i < logits.size(); i++) {
      assertThat((double) answer.lastLogits()[i]).isCloseTo(logits.get(i).asDouble(), within(tolerance));
    }
  }

  private static int[] ints(JsonNode array) {
    int[] values = new int[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).asInt();
    }
    return values;
  }
}
