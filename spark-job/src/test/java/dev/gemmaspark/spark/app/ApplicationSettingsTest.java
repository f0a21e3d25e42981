package dev.gemmaspark.spark.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.spark.app.LocalApplication.Run;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ApplicationSettingsTest {
  @TempDir Path folder;

  @AfterEach
  void clear() {
    LocalApplication.clear();
  }

  @Test
  void aWrongSettingOfTheApplicationIsOneLineAndWrongUsage() {
    LocalApplication.configure(folder.resolve("cache"));
    System.setProperty("spark.gemma.threads", "zero");
    Run run =
        LocalApplication.run(
            new SummarizeApp(), "--input", folder.toString(), "--text-column", "body", "--output", folder.resolve("out").toString());
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.text()).startsWith("spark.gemma.threads is 'zero'; it must be a whole number of at least 1").doesNotContain("\tat ");
  }
}
