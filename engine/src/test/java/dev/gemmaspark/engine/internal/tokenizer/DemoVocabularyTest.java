package dev.gemmaspark.engine.internal.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gemmaspark.engine.TestData;
import java.util.List;
import org.junit.jupiter.api.Test;

class DemoVocabularyTest {
  private static final Tokenizer TOKENIZER =
      new Tokenizer(VocabularyReader.read(TestData.resource("tokenizer/tokenizer.model")));

  @Test
  void encodesAllTextsAsSentencePieceDoes() {
    List<JsonNode> cases = GoldenCases.read(TestData.resource("tokenizer/sentencepiece-cases.jsonl"));

    assertThat(cases).hasSize(196);
    for (JsonNode line : cases) {
      String text = line.get("text").asText();
      int[] ids = GoldenCases.ids(line, "ids");
      assertThat(TOKENIZER.encode(text, ControlTokens.AS_TEXT)).as(text).isEqualTo(ids);
      assertThat(TOKENIZER.decode(ids)).isEqualTo(text);
    }
  }

  @Test
  void readsWhatEachPieceIsFor() {
    Vocabulary vocabulary = TOKENIZER.vocabulary();

    assertThat(vocabulary.size()).isEqualTo(2560);
    assertThat(vocabulary.bos()).isEqualTo(2);
    assertThat(vocabulary.eos()).isEqualTo(1);
    assertThat(vocabulary.unknown()).isEqualTo(3);
    assertThat(vocabulary.startOfTurn()).hasValue(4);
    assertThat(vocabulary.endOfTurn()).hasValue(5);
    assertThat(vocabulary.types()[6]).isEqualTo(TokenType.USER_DEFINED);
    assertThat(vocabulary.types()[8]).isEqualTo(TokenType.BYTE);
  }
}
