package dev.gemmaspark.spark.rag;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Titles, sections and passages of documents of every kind. */
class DocumentFormatTest {
  private static final PassageSplitter SPLITTER =
      new PassageSplitter(text -> text.isBlank() ? 0 : text.strip().split("\\s+").length, new PassageSplitter.Sizes(20, 30, 6));

  @ParameterizedTest
  @CsvSource({
    "'A title\n\nThe text.', A title, The text.",
    "'\n A title \n \nThe text.\n', A title, The text.",
    "'One sentence.\n\nAnother.', name, 'One sentence.\\n\\nAnother.'",
    "'All there is\n\n', name, All there is",
    "'First line\nsecond line', name, 'First line\nsecond line'",
  })
  void plainTextMayHaveATitle(String source, String title, String passage) {
    ParsedDocument document = DocumentFormat.TEXT.parse(source.replace("\\n", "\n"), "name");
    assertThat(document.title()).isEqualTo(title);
    assertThat(SPLITTER.split("d", document)).extracting(Passage::text).containsExactly(passage.replace("\\n", "\n"));
  }

  @Test
  void headingsOfMarkdownAreAPathAndBelongToNoPassage() {
    ParsedDocument document =
        DocumentFormat.MARKDOWN.parse("Before.\n# One #\ntext\n## Two\ndeep\n```\n# no heading\n```\n#not one either\n# Three\nlast", "name");
    assertThat(document.title()).isEqualTo("One");
    List<Passage> passages = SPLITTER.split("d", document);
    assertThat(passages).extracting(Passage::headings).containsExactly("", "One", "One > Two", "Three");
    assertThat(passages).extracting(Passage::text).containsExactly("Before.", "text", "deep\n```\n# no heading\n```\n#not one either", "last");
  }

  @Test
  void htmlIsReadAsItIsSeen() {
    ParsedDocument document =
        DocumentFormat.HTML.parse(
            "<h1>One</h1><p>a <b>b</b>\n c<br>d</p><ul><li>e</li><li>f</li></ul><!-- x --><div style='display : NONE'>y</div><p style='font-size:0px'>w</p><script>z</script><h2>Two</h2><span style='font-size:0.9em'>g</span> &amp; h", "name");
    assertThat(document.title()).isEqualTo("One");
    List<Passage> passages = SPLITTER.split("d", document);
    assertThat(passages).extracting(Passage::headings).containsExactly("One", "One > Two");
    assertThat(passages).extracting(Passage::text).containsExactly("a b c\nd\n\ne\n\nf", "g & h");
    assertThat(document.removedHiddenCharacters()).isPositive();
  }

  /** Texts on which a careless reader spends quadratic time. */
  @ParameterizedTest
  @ValueSource(strings = {" ", "\n", "# ", "#", "a. ", "a.\n\n", "<!--", "<p>", "<div hidden>", "&", "[", "\u200B", "a\t"})
  void documentsOfMegabytesTakeNotForever(String piece) {
    String source = "# " + piece.repeat((1 << 20) / piece.length()) + "x";
    long start = System.nanoTime();
    for (DocumentFormat format : DocumentFormat.values()) {
      ParsedDocument document = format.parse(source, "name");
      SPLITTER.split("d", document);
    }
    assertThat(Duration.ofNanos(System.nanoTime() - start)).as(piece).isLessThan(Duration.ofSeconds(60));
  }

  @Test
  void passagesAreWholeSentencesThatOverlapAndTheirOffsetsAreRight() {
    StringBuilder source = new StringBuilder("# Title\n\n");
    for (int i = 0; i < 40; i++) {
      source.append("Sentence number ").append(i).append(" is here").append(i % 7 == 6 ? ".\n\n" : ". ");
    }
    ParsedDocument document = DocumentFormat.MARKDOWN.parse(source.toString(), "name");
    List<Passage> passages = SPLITTER.split("d", document);
    assertThat(passages).hasSizeGreaterThan(8);
    for (int i = 0; i < passages.size(); i++) {
      Passage passage = passages.get(i);
      assertThat(document.text().substring(passage.start(), passage.end())).isEqualTo(passage.text());
      assertThat(passage.text()).startsWith("Sentence").endsWith(".");
      assertThat(passage.tokens()).isBetween(5, 30);
      assertThat(passage.position()).isEqualTo(i);
      if (i > 0) {
        // the last sentence of the one before, and no gap
        assertThat(passage.start()).isLessThan(passages.get(i - 1).end()).isGreaterThan(passages.get(i - 1).start());
      }
    }
    assertThat(passages.getLast().text()).endsWith("Sentence number 39 is here.");
    assertThat(SPLITTER.split("d", document)).isEqualTo(passages);
    assertThat(SPLITTER.split("e", document).getFirst().chunkId()).isNotEqualTo(passages.getFirst().chunkId());
  }
}
