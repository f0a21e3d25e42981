package dev.gemmaspark.spark.rag;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Files that take all memory or time, or the JVM: with a Tika that does what the file says. */
class TikaProcessTest {
  @Test
  void textIsReadInAProcessOfItsOwn() throws IOException {
    ParsedDocument document = parse("Title\n\nA paragraph.");
    assertThat(document.title()).isEqualTo("Title");
    assertThat(document.text().substring(document.sections().getFirst().start()).strip()).isEqualTo("A paragraph.");
  }

  @Test
  void whatAFileDoesToItsProcessCostsTheFile() {
    assertThatThrownBy(() -> parse("EAT")).isInstanceOf(IOException.class).hasMessageContaining("512m of memory are not enough");
    assertThatThrownBy(() -> parse("DIE")).isInstanceOf(IOException.class).hasMessageContaining("Tika ended with code 7");
    assertThatThrownBy(() -> parse("HANG")).isInstanceOf(IOException.class).hasMessageContaining("could not be read within 3 seconds");
    // what Tika says quotes documents
    assertThatThrownBy(() -> parse("THROW"))
        .isInstanceOf(IOException.class)
        .hasMessageMatching("Tika could not read it \\(\\w+\\): it is broken, has a password, or is of another kind than its name says")
        .message()
        .doesNotContain("what the document says");
  }

  @Test
  void withoutTikaItIsSaidHowToGetIt() {
    ClassLoader before = Thread.currentThread().getContextClassLoader();
    Thread.currentThread().setContextClassLoader(ClassLoader.getPlatformClassLoader());
    try {
      assertThatThrownBy(() -> parse("x"))
          .isInstanceOf(TikaProcess.UnavailableException.class)
          .hasMessageContaining("--packages org.apache.tika:tika-core");
    } finally {
      Thread.currentThread().setContextClassLoader(before);
    }
  }

  private static ParsedDocument parse(String text) throws IOException {
    return TikaProcess.parse(text.getBytes(StandardCharsets.UTF_8), "report.pdf", Duration.ofSeconds(text.equals("HANG") ? 3 : 30));
  }
}
