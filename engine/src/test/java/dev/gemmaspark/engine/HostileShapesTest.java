package dev.gemmaspark.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model file that lies about sizes is an error of ours, and never one of memory, which in a cluster ends the executor. */
class HostileShapesTest {
  private static final int COUNT = 2000;

  @TempDir Path folder;

  @Test
  void sizesThatAreWrongAtRandomEndInASentenceAndNeverInAnErrorOfMemory() throws Exception {
    Path output = folder.resolve("output");
    Process process =
        ChildJvm.of(
                List.of("-Xmx1g", "--add-modules=jdk.incubator.vector", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"),
                "dev.gemmaspark.engine.HostileShapes",
                "1",
                "" + COUNT,
                Files.createDirectory(folder.resolve("models")).toString(),
                TestData.resource("golden/gemma2-odd-shapes").toString())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
    } finally {
      process.destroyForcibly();
    }
    String said = Files.readString(output);
    assertThat(process.exitValue()).as(said).isZero();
    // and some of them are sound
    assertThat(said).containsPattern("opened [1-9]\\d{1,3}, refused \\d{3,4}");
  }
}
