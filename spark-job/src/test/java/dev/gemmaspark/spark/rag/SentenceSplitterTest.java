package dev.gemmaspark.spark.rag;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.spark.rag.SentenceSplitter.Span;
import java.time.Duration;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;

class SentenceSplitterTest {
  /** A word is a token, and so is every ten characters of it. */
  private static final SentenceSplitter SPLITTER = new SentenceSplitter(SentenceSplitterTest::count);

  private static int count(String text) {
    int tokens = 0;
    for (String word : text.strip().split("\\s+")) {
      tokens += Math.ceilDiv(word.length(), 10);
    }
    return tokens;
  }

  @Test
  void sentencesStayWholeAndPiecesAreFull() {
    String text = "One two three. Four five? Six! Seven eight nine ten.\n\nEleven twelve.";
    assertThat(texts(text, SPLITTER.sentences(text, 5)))
        .containsExactly("One two three. ", "Four five? ", "Six! ", "Seven eight nine ten.\n\n", "Eleven twelve.");
    assertThat(texts(text, SPLITTER.pieces(text, 6))).containsExactly("One two three. Four five? Six! ", "Seven eight nine ten.\n\nEleven twelve.");
  }

  @Test
  void whatIsTooLongIsCutBetweenWordsAndWordsAnywhereButWithinACharacter() {
    String text = "a b c d e f g h i j";
    assertThat(texts(text, SPLITTER.sentences(text, 3))).allMatch(part -> count(part) <= 3 && !part.startsWith(" "));
    String faces = "\uD83D\uDE00".repeat(100);
    List<String> parts = texts(faces, SPLITTER.sentences(faces, 3));
    assertThat(String.join("", parts)).isEqualTo(faces);
    assertThat(parts).allMatch(part -> part.length() % 2 == 0 && part.length() <= 30);
  }

  @Test
  void spansAreTheTextWithoutGapsWhateverItIs() {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(11);
    String alphabet = "ab. \n!?\uD83D\uDE00\u0000\u200Fé";
    for (int i = 0; i < 300; i++) {
      StringBuilder text = new StringBuilder();
      for (int length = random.nextInt(200); length > 0; length--) {
        text.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      List<Span> spans = SPLITTER.pieces(text.toString(), 1 + random.nextInt(6));
      int at = 0;
      for (Span span : spans) {
        assertThat(span.start()).isEqualTo(at);
        assertThat(span.end()).isGreaterThan(at);
        at = span.end();
      }
      assertThat(at).isEqualTo(text.length());
    }
  }

  @Test
  void aWordOfMegabytesTakesNotForever() {
    String word = "x".repeat(4 << 20);
    long start = System.nanoTime();
    assertThat(SPLITTER.pieces(word, 1000)).hasSizeGreaterThan(400);
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(20));
  }

  private static List<String> texts(String text, List<Span> spans) {
    return spans.stream().map(span -> text.substring(span.start(), span.end())).toList();
  }
}
