package dev.gemmaspark.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The same bits with vectors of 512, 256 and 128 bits: a JVM each, because the width is a constant of the JVM. */
class VectorWidthTest {
  private static final List<String> MODELS = List.of("gemma2-q4_k_m", "gemma2-q8_0", "gemma2-q4_0", "gemma2-f16", "gemma2-bf16");

  @TempDir Path folder;

  @Test
  void logitsDoNotDependOnTheVectorWidth() throws Exception {
    for (String model : MODELS) {
      Set<String> outputs = new LinkedHashSet<>();
      for (String bits : List.of("512", "256", "128")) {
        outputs.add(logits(model, bits));
      }
      assertThat(outputs).as(model).hasSize(1).allMatch(output -> output.contains("last_logits"));
    }
  }

  private String logits(String model, String bits) throws Exception {
    Path queries = Files.writeString(folder.resolve("queries.jsonl"), "{\"tokens\": [2, 17, 300, 45, 12, 99], \"greedy\": 20}\n");
    Process process =
        ChildJvm.of(
                List.of("--add-modules=jdk.incubator.vector", "-Dgemmaspark.vectorBits=" + bits),
                "dev.gemmaspark.engine.cli.GemmaCli",
                "logits",
                "--model",
                "src/test/resources/golden/gemma2-gguf/" + model + ".gguf",
                "--jsonl",
                queries.toString(),
                "--chunk",
                "4")
            .redirectError(folder.resolve("errors").toFile())
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
    assertThat(process.exitValue()).as(() -> errors()).isZero();
    return output;
  }

  private String errors() {
    try {
      return Files.readString(folder.resolve("errors"));
    } catch (java.io.IOException e) {
      return e.toString();
    }
  }
}
