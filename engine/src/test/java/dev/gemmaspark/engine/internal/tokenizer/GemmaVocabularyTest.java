package dev.gemmaspark.engine.internal.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gemmaspark.engine.TestData;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;

/** On the vocabulary of the published models, which is not the project's to give away. */
@EnabledIf("dev.gemmaspark.engine.TestData#isPresent")
class GemmaVocabularyTest {
  private static Tokenizer tokenizer;

  @BeforeAll
  static void readTokenizer() {
    tokenizer = new Tokenizer(VocabularyReader.read(TestData.path("gemma-tokenizer/tokenizer.json")));
  }

  @Test
  void encodesAllTextsAsTheReferencesDo() {
    List<JsonNode> cases = GoldenCases.read(TestData.path("gemma-tokenizer/cases.jsonl"));

    assertThat(cases).hasSizeGreaterThan(300);
    for (JsonNode line : cases) {
      String text = line.get("text").asText();
      assertThat(tokenizer.encode(text, ControlTokens.PARSED))
          .as(text)
          .isEqualTo(GoldenCases.ids(line, "ids"));
      int[] asText = GoldenCases.ids(line, "ids_control_as_text");
      assertThat(tokenizer.encode(text, ControlTokens.AS_TEXT)).as(text).isEqualTo(asText);
      assertThat(tokenizer.decode(asText)).isEqualTo(text);
    }
  }

  @Test
  void findsTheControlTokensOfTheModel() {
    Vocabulary vocabulary = tokenizer.vocabulary();

    assertThat(vocabulary.size()).isEqualTo(256_000);
    assertThat(vocabulary.bos()).isEqualTo(2);
    assertThat(vocabulary.eos()).isEqualTo(1);
    assertThat(vocabulary.startOfTurn()).hasValue(106);
    assertThat(vocabulary.endOfTurn()).hasValue(107);
    assertThat(vocabulary.types()[108]).isEqualTo(TokenType.USER_DEFINED);
  }
}
