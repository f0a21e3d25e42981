package dev.gemmaspark.engine.internal.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Stop sequences, and what the listener hears of the text. */
class CompletionTextTest {
  private final List<String> heard = new ArrayList<>();

  @Test
  void withoutStopSequencesEveryPieceIsHeardAtOnce() {
    CompletionText text = text();
    text.append("Hel");
    text.append("lo");
    assertThat(heard).containsExactly("Hel", "lo");
    assertThat(text.finish()).isEqualTo("Hello");
  }

  @Test
  void aStopSequenceAcrossPiecesEndsTheTextBeforeIt() {
    CompletionText text = text("</end>");
    assertThat(text.append("One <")).isEqualTo(CompletionText.Outcome.GROWN);
    assertThat(text.append("/en")).isEqualTo(CompletionText.Outcome.GROWN);
    assertThat(text.append("d> two")).isEqualTo(CompletionText.Outcome.STOPPED);
    assertThat(text.finish()).isEqualTo("One ");
    assertThat(String.join("", heard)).isEqualTo("One ");
  }

  @Test
  void theFirstOfSeveralStopSequencesCounts() {
    CompletionText text = text("cd", "b");
    assertThat(text.append("abcd")).isEqualTo(CompletionText.Outcome.STOPPED);
    assertThat(text.finish()).isEqualTo("a");
  }

  @Test
  void whatOnlyLookedLikeAStopSequenceIsHeardInTheEnd() {
    CompletionText text = text("stop");
    text.append("a sto");
    text.append("ne");
    text.append(" sto");
    assertThat(text.finish()).isEqualTo("a stone sto");
    assertThat(String.join("", heard)).isEqualTo("a stone sto");
  }

  @Test
  void halfASurrogatePairIsNeverHeard() {
    CompletionText text = text("zz");
    text.append("x😀");
    assertThat(heard).containsExactly("x");
    text.append("y");
    assertThat(heard).containsExactly("x", "😀");
  }

  @Test
  void aListenerMayEndIt() {
    CompletionText text = new CompletionText(List.of(), piece -> false);
    assertThat(text.append("a")).isEqualTo(CompletionText.Outcome.CANCELLED);
  }

  @Test
  void aListenerThatHasHeardEnoughIsToldOfNothingMore() {
    CompletionText text =
        new CompletionText(
            List.of("<stop>"),
            piece -> {
              heard.add(piece);
              return false;
            });
    assertThat(text.append("The cargo ship")).isEqualTo(CompletionText.Outcome.CANCELLED);
    assertThat(text.finish()).isEqualTo("The cargo");
    assertThat(heard).containsExactly("The cargo");
  }

  private CompletionText text(String... stop) {
    return new CompletionText(List.of(stop), heard::add);
  }
}
