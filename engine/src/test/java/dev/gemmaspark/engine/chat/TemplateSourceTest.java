package dev.gemmaspark.engine.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TemplateSourceTest {
  @ParameterizedTest
  @ValueSource(strings = {"{{", "{%", "{#", "{{ '", "{{ '\\", "raise_exception('\\", "{{'\\'"})
  void whatIsOpenedAndNeverClosedTakesNoTime(String opening) {
    String hostile = opening.repeat((1 << 16) / opening.length());
    assertTimeoutPreemptively(Duration.ofSeconds(1), () -> assertThat(ChatTemplate.recognize(hostile)).isEmpty());
    String quoted = "{{" + opening.substring(opening.length() - 1) + "'" + "\\'".repeat(32_000);
    assertTimeoutPreemptively(Duration.ofSeconds(1), () -> assertThat(ChatTemplate.recognize(quoted)).isEmpty());
  }
}
