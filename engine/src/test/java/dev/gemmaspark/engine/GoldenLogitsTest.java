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
import java.util.stream.Stream;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Random small checkpoints, and what a reference in double precision made of them. */
class GoldenLogitsTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");

  @TempDir static Path cache;

  static Stream<String> own() throws IOException {
    return models(GOLDEN);
  }

  static Stream<String> bigger() throws IOException {
    return models(TestData.path("golden"));
  }

  /** Every GGUF file, and every folder with safetensors. */
  private static Stream<String> models(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .map(file -> file.endsWith("config.json") ? file.getParent() : file)
          .filter(file -> Files.exists(file.resolve("config.json")) || file.toString().endsWith(".gguf"))
          .filter(file -> !file.equals(folder))
          .map(file -> folder.relativize(file).toString())
          .distinct()
          .sorted()
          .toList()
          .stream();
    }
  }

  @ParameterizedTest
  @MethodSource("own")
  void logitsAndContinuationsAreThoseOfTheReference(String model) throws IOException {
    compare(GOLDEN.resolve(model));
  }

  @ParameterizedTest
  @EnabledIf("dev.gemmaspark.engine.TestData#isPresent")
  @MethodSource("bigger")
  void soAreThoseOfTheBiggerCheckpoints(String model) throws IOException {
    compare(TestData.path("golden").resolve(model));
  }

  private static void compare(Path model) throws IOException {
    Path folder = Files.isDirectory(model) ? model : model.getParent();
    Path own = folder.resolve(model.getFileName().toString().replace(".gguf", ".expected.json"));
    Path expected = !own.equals(folder) && Files.exists(own) && Files.isRegularFile(own) ? own : folder.resolve("expected.json");
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
