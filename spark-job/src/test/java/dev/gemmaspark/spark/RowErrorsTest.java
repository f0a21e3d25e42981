package dev.gemmaspark.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.gemmaspark.engine.chat.ChatTurn;
import dev.gemmaspark.spark.executor.EngineFactory;
import dev.gemmaspark.spark.executor.ExecutorEngine;
import java.util.List;
import org.apache.spark.SparkThrowable;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a person sees of calls: names, types, and errors; with a fake engine that counts, and a Spark that tries four times. */
class RowErrorsTest {
  private static SparkSession spark;
  private CountingGenerator engine;

  @BeforeAll
  static void start() {
    spark =
        SparkSession.builder()
            .master("local[2,4]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .getOrCreate();
  }

  @AfterAll
  static void stop() {
    spark.stop();
    ExecutorEngine.replaceFactory(EngineFactory::gemma);
  }

  @BeforeEach
  void newEngine() {
    engine = new CountingGenerator();
    ExecutorEngine.replaceFactory(settings -> engine);
  }

  @Test
  void aRowThatCannotBeDoneFailsTheQueryAtOnceAndIsNamed() {
    Throwable error =
        catchThrowable(
            () -> spark.sql("SELECT gemma_generate(IF(id = 150, 'BAD', concat('x', id))) FROM range(0, 200, 1, 1)").collect());
    assertThat(engine.calls()).isLessThanOrEqualTo(200);
    assertThat(error)
        .hasMessageStartingWith("gemma_generate of id failed for row 150 of partition 0: PROMPT_TOO_LONG: too long, says the test")
        .isInstanceOf(SparkThrowable.class);
    assertThat(((SparkThrowable) error).getCondition()).isEqualTo("GEMMA_ROW_FAILED");
    assertThat(((SparkThrowable) error).getSqlState()).isEqualTo("22000");
    assertThat(((SparkThrowable) error).isInternalError()).isFalse();
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
    "gemma_summarize(body, maxWords => 5) | gemma_summarize(body, maxWords => 5)",
    "gemma_generate(body) | gemma_generate(body)",
    "gemma_generate(prompt => body, temperature => 0.5, maxTokens => 7) | gemma_generate(body, temperature => 0.5, maxTokens => 7)",
    "gemma_generate(body, failOnError => false) | gemma_generate(body)",
  })
  void aColumnIsNamedAsItsCallWasWritten(String call, String name) {
    assertThat(spark.sql("SELECT " + call + " FROM VALUES ('a') AS t(body)").columns()).containsExactly(name);
  }

  @Test
  void argumentsInAnotherOrderAreTheSameCall() {
    spark.sql("SELECT gemma_generate(x, topK => 2, seed => 1), gemma_generate(x, seed => 1, topK => 2) FROM VALUES ('a') AS t(x)").collect();
    assertThat(engine.calls()).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
    "gemma_generate(x COLLATE UTF8_LCASE) | [a]",
    "gemma_generate(x COLLATE UNICODE_CI, stop => array('s' COLLATE UTF8_LCASE)) | [a]",
    "gemma_generate(x, maxTokens => 5L, temperature => 1, topP => 0.5F) | [a]",
    "gemma_generate(x, temperature => '0.5') | [a]",
    "gemma_generate(5) | [5]",
    "CAST(gemma_count_tokens('a' COLLATE UTF8_LCASE) > 0 AS STRING) | true",
  })
  void whatLosesNothingIsTaken(String call, String result) {
    assertThat(spark.sql("SELECT " + call + " FROM VALUES ('a') AS t(x)").first().getString(0)).isEqualTo(result);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
    "gemma_generate(x, maxTokens => 10.5) | DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE | INTEGRAL",
    "gemma_summarize(x, maxWords => 10.0D) | DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE | INTEGRAL",
    "gemma_generate(x, max_tokens => 5) | GEMMA_INVALID_CALL | has no argument 'max_tokens'; did you mean maxTokens?",
    "gemma_generate(x, seeed => 5) | GEMMA_INVALID_CALL | has no argument 'seeed'; did you mean seed?",
    "gemma_summarize(style => 'bullets') | GEMMA_INVALID_CALL | needs the argument 'content'",
    "gemma_count_tokens(x, 1) | GEMMA_INVALID_CALL | takes one argument",
    "gemma_chat(array(struct(x, 'y'))) | DATATYPE_MISMATCH.TYPE_CHECK_FAILURE_WITH_HINT | texts role and content",
    "gemma_chat(array(named_struct('role', 'user', 'text', x))) | DATATYPE_MISMATCH.TYPE_CHECK_FAILURE_WITH_HINT | texts role and content",
    "gemma_chat(array(x)) | DATATYPE_MISMATCH.TYPE_CHECK_FAILURE_WITH_HINT | texts role and content",
  })
  void aWrongCallIsAnAnalysisExceptionWithAConditionAndASentence(String call, String condition, String sentence) {
    assertThatThrownBy(() -> spark.sql("SELECT " + call + " FROM VALUES ('a') AS t(x)"))
        .isInstanceOfSatisfying(
            AnalysisException.class,
            error -> {
              assertThat(error.getCondition()).isEqualTo(condition);
              assertThat(error.getSqlState()).isNotNull();
            })
        .hasMessageContaining(sentence);
  }

  @Test
  void anUnknownSettingIsAnAnalysisException() {
    spark.conf().set("spark.gemma.modell", "x");
    try {
      assertThatThrownBy(() -> spark.sql("SELECT gemma_generate('x')"))
          .isInstanceOfSatisfying(AnalysisException.class, error -> assertThat(error.getCondition()).isEqualTo("GEMMA_INVALID_SETTING"))
          .hasMessageStartingWith("spark.gemma.modell is no setting (did you mean spark.gemma.model?); take it away where it is set, in SQL with RESET spark.gemma.modell; the settings are ");
      spark.sql("RESET spark.gemma.modell");
      spark.sql("SELECT gemma_generate('x')").collect();
    } finally {
      spark.conf().unset("spark.gemma.modell");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "array(named_struct('role', 'system', 'content', 'Be kind.'), named_struct('role', 'user', 'content', 'Hi'))",
    "array(named_struct('content', 'Be kind.', 'role', 'system'), named_struct('content', 'Hi', 'role', 'user'))",
    "array(named_struct('n', 1, 'Content', 'Be kind.', 'Role', 'system'), named_struct('n', 2, 'Content', 'Hi', 'Role', 'user'))",
    "array(map('content', 'Be kind.', 'role', 'system', 'name', 'x'), map('role', 'user', 'content', 'Hi'))",
    "from_json('[{\"content\": \"Be kind.\", \"role\": \"system\"}, {\"role\": \"user\", \"content\": \"Hi\"}]', 'array<map<string,string>>')",
  })
  void messagesAreReadByTheNamesOfTheirParts(String messages) {
    spark.sql("SELECT gemma_chat(" + messages + ")").collect();
    assertThat(CountingGenerator.turns(engine.requests.getFirst())).containsExactly(ChatTurn.system("Be kind."), ChatTurn.user("Hi"));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
    "map('content', 'x') | message 2 of the conversation has no role; each has a role and a content",
    "map('role', 'assistant', 'content', NULL) | message 2 of the conversation has no content; each has a role and a content",
    "map('role', CAST(id AS string)) | message 2 of the conversation has no content; each has a role and a content",
    "CAST(NULL AS map<string,string>) | message 2 of the conversation is NULL; each has a role and a content",
  })
  void anIncompleteMessageIsItsRowsErrorAndIsNamed(String message, String error) {
    assertThat(
            spark
                .sql("SELECT gemma_chat(array(map('role', 'user', 'content', 'x'), " + message + "), failOnError => false).errorMessage FROM range(1)")
                .first()
                .getString(0))
        .isEqualTo("INVALID_REQUEST: " + error);
  }

  @Test
  void anEmptyStopTextIsShown() {
    assertThatThrownBy(() -> spark.sql("SELECT gemma_generate('x', stop => array('a', ''))"))
        .isInstanceOf(AnalysisException.class)
        .hasMessageContaining("stop is ['a', '']; it must be without empty texts");
    assertThat(spark.sql("SELECT gemma_generate('x', stop => array(y), failOnError => false).errorMessage FROM VALUES ('') AS t(y)").first().getString(0))
        .isEqualTo("INVALID_REQUEST: stop is ['']; it must be without empty texts");
  }

  @ParameterizedTest
  @ValueSource(strings = {"array()", "CAST(array() AS array<string>)", "array(CAST(NULL AS string))"})
  void anAnswerWithoutPassagesIsNullAndDescribeFunctionSaysSo(String passages) {
    assertThat(spark.sql("SELECT gemma_answer('Who?', " + passages + ")").first().isNullAt(0)).isTrue();
    assertThat(engine.calls()).isZero();
    assertThat(spark.sql("DESCRIBE FUNCTION gemma_answer").collectAsList().toString())
        .contains("Where there is no passage (an empty array, or one of NULLs) nothing is asked, and the result is NULL.");
  }

  @ParameterizedTest
  @ValueSource(strings = {"gemma_generate('x')", "gemma_count_tokens(concat('x', id))"})
  void aModelThatIsNotThereIsTheFirstThatTheUserReads(String call) {
    ExecutorEngine.replaceFactory(EngineFactory::gemma);
    spark.conf().set("spark.gemma.model", "/nowhere/gemma.gguf");
    try {
      assertThatThrownBy(() -> spark.sql("SELECT " + call + " FROM range(1)").collect())
          .hasMessageStartingWith("There is no readable model /nowhere/gemma.gguf on host ")
          .isInstanceOfSatisfying(SparkThrowable.class, error -> assertThat(error.getCondition()).isEqualTo("GEMMA_MODEL_FAILED"));
    } finally {
      spark.conf().unset("spark.gemma.model");
    }
  }

  @Test
  void anEmptyConversationIsItsRowsError() {
    List<Row> rows = spark.sql("SELECT gemma_chat(slice(array(map('role', 'user', 'content', 'x')), 1, CAST(id AS INT)), failOnError => false).errorMessage FROM range(0, 2, 1, 1)").collectAsList();
    assertThat(rows).extracting(row -> row.getString(0)).containsExactly("messages is empty; it must be at least one message", null);
    assertThatThrownBy(() -> spark.sql("SELECT gemma_chat(array())").collect()).hasMessageContaining("messages is empty; it must be at least one message");
    assertThat(spark.sql("SELECT gemma_chat(NULL)").first().isNullAt(0)).isTrue();
  }
}
