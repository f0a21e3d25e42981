package dev.gemmaspark.spark.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.spark.app.LocalApplication.Run;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ApplicationSettingsTest {
  @TempDir Path folder;

  @AfterEach
  void clear() {
    LocalApplication.clear();
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "spark.gemma.threads | zero | spark.gemma.threads is 'zero'; it must be a whole number of at least 1",
    "spark.gemma.promptDir | /nowhere | spark.gemma.promptDir is '/nowhere', and there is no such folder on this machine; name one with prompt templates",
    "spark.gemma.promptDir | pom.xml | spark.gemma.promptDir is 'pom.xml', and that is no folder; name one with prompt templates",
    "spark.gemma.batchrows | 5 | spark.gemma.batchrows is no setting (did you mean spark.gemma.batchRows?); take it away where it is set",
  })
  void aWrongSettingOfTheApplicationIsOneLineAndWrongUsage(String key, String value, String message) {
    LocalApplication.configure(folder.resolve("cache"));
    System.setProperty(key, value);
    Run run =
        LocalApplication.run(
            new SummarizeApp(), "--input", folder.toString(), "--text-column", "body", "--output", folder.resolve("out").toString());
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.text()).startsWith(message).doesNotContain("\tat ");
  }

  @Test
  void anEmptyPathIsWrongUsage() {
    Run run = LocalApplication.run(new SummarizeApp(), "--input", folder.toString(), "--text-column", "body", "--output", "");
    assertThat(run.text()).startsWith("--output is empty; name a place");
    assertThat(run.code()).isEqualTo(2);
  }

  @Test
  void helpSaysWhichModelsThereMayBe() {
    for (Application application : List.of(new SummarizeApp(), new AnswerApp(), new EvaluateApp(), new IndexApp())) {
      assertThat(LocalApplication.run(application, "--help").text().replaceAll("\\s+", " "))
          .contains("A GGUF file or a Hugging Face directory (safetensors), at the same path on every node or at a URI (of HDFS, S3 and the like)");
    }
  }
}
