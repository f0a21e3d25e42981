package dev.gemmaspark.spark.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.StringReader;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CsvQuotesTest {
  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '\'', value = {
    "1,one/2,two | -1",
    "1,\"one\"/2,\"two\"/ | -1",
    "1,\"one/and/a half\"/2,\"two\" | -1",
    "1,\"one\" ,x/2, \"two\" | -1",
    "1,\"he said \"\"one\"\"\"/2,\"\" | -1",
    "1,5\" nails/2,a \"b\" c | -1",
    "1, \"5 inch disk/2,two | -1",
    "1,\"one/2,two/3,three | 1",
    "0,zero/1,\"one/2,two/3,\"three\" | 2",
    "1,one/2,\"two\"x/3,three | 2",
    "1,\"one\"\"/2,two | 1",
  })
  void aQuoteThatIsNotClosedIsFound(String text, long line) throws IOException {
    CsvQuotes quotes = CsvQuotes.of(Map.of("multiLine", "true", "escape", "\"")).orElseThrow();
    assertThat(quotes.wrongLine(new StringReader(text.replace('/', '\n')))).isEqualTo(line);
  }

  @Test
  void aQuoteBehindBlanksBeginsAValueWhereTheReaderSkipsThem() throws IOException {
    CsvQuotes quotes = CsvQuotes.of(Map.of("multiLine", "true", "escape", "\"", "ignoreLeadingWhiteSpace", "true")).orElseThrow();
    assertThat(quotes.wrongLine(new StringReader("1, \"5 inch disk\n2,two"))).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '~', value = {
    "1;'it\\'s one'/2;'two' | -1",
    "1;'it\\'s one/2;two | 1",
  })
  void quotesAreThoseOfTheReader(String text, long line) throws IOException {
    CsvQuotes quotes = CsvQuotes.of(Map.of("multiLine", "true", "quote", "'", "delimiter", ";")).orElseThrow();
    assertThat(quotes.wrongLine(new StringReader(text.replace('/', '\n')))).isEqualTo(line);
  }
}
