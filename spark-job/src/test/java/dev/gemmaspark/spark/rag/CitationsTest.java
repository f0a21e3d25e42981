package dev.gemmaspark.spark.rag;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.spark.rag.Citations.Citation;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CitationsTest {
  private static final List<String> PASSAGES = List.of("The lamp is green. It was sold in May.", "Ada signed the contract on 3 May, see note [77].");

  @Test
  void rightCitationsStayAndSayWhatTheyStandFor() {
    String text = "The lamp is green. [1] Ada signed it [2].";
    Citations checked = Citations.check(text, PASSAGES);
    assertThat(checked.answer()).isEqualTo(text);
    assertThat(checked.citations()).containsExactly(new Citation(1, true, 0, 18), new Citation(2, true, 23, 36));
    assertThat(checked.answer().substring(23, 36)).isEqualTo("Ada signed it");
    assertThat(Citations.check("\n " + text + " \n", PASSAGES)).isEqualTo(checked);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "The lamp is green. [9] | The lamp is green. | 9- ",
    "The lamp is green [0]. | The lamp is green. | 0-",
    "The lamp is green [1][7]. | The lamp is green [1]. | 1+ 7-",
    "The lamp is green [1, 7; 2]. | The lamp is green [1, 2]. | 1+ 7- 2+",
    "It says \"The lamp is green\" [1]. | It says \"The lamp is green\" [1]. | 1+",
    "It says \"The lamp is  GREEN.\" [1] | It says \"The lamp is  GREEN.\" [1] | 1+",
    "It says \"The lamp is golden\" [1]. | It says \"The lamp is golden\". | 1-",
    "It says \u201Csigned the contract\u201D [1]. | It says \u201Csigned the contract\u201D. | 1-",
    "No marker at all. | No marker at all. | ''",
    "An array a[12] of 5 and [x]. | An array a[12] of 5 and [x]. | ''",
    "It was [2024] then [9]. | It was [2024] then. | 9-",
    "It is green[1], not red[1, 7]. | It is green[1], not red[1]. | 1+ 1+ 7-",
    "Say `x = [3] + a[1]` [1] [3]. | Say `x = [3] + a[1]` [1]. | 1+ 3-",
    "See note [77] of it. [1] | See note [77] of it. [1] | 1+",
    "[99999999999] is no marker. | [99999999999] is no marker. | ''",
  })
  void wrongCitationsAreTakenOutAndCounted(String text, String answer, String markers) {
    Citations checked = Citations.check(text, PASSAGES);
    assertThat(checked.answer()).isEqualTo(answer);
    assertThat(String.join(" ", checked.citations().stream().map(each -> each.marker() + (each.valid() ? "+" : "-")).toList())).isEqualTo(markers.strip());
    assertThat(checked.citations()).allMatch(each -> each.start() <= each.end() && each.end() <= text.length());
  }

  @Test
  void anAnswerThatSaysThatThereIsNoneIsKnown() {
    assertThat(Citations.isAbstention("The passages do not say.", "The passages do not say.")).isTrue();
    assertThat(Citations.isAbstention(" the passages do not say who did. [1]", "The passages do not say.")).isTrue();
    assertThat(Citations.isAbstention("He said that the passages do not say.", "The passages do not say.")).isFalse();
    assertThat(Citations.isAbstention("Das steht  nicht da.", "Das steht nicht da")).isTrue();
    assertThat(Citations.isAbstention("The passages do not say.", "")).isFalse();
    assertThat(Citations.withoutMarkers("The lamp is green [1], he said [2, 3].")).isEqualTo("The lamp is green, he said.");
  }
}
