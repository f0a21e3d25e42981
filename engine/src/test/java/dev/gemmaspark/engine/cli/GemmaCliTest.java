package dev.gemmaspark.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gemmaspark.engine.TestData;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The commands as a user runs them: what they print, and how they exit. */
class GemmaCliTest {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  @TempDir Path folder;

  @Test
  void generatePrintsTheCompletionAndNothingElseToStandardOutput() {
    Run run = run("generate", "--prompt", "Summarize the following document in one sentence.\n\n"
        + "Maintenance notice MN-4471. On 3 March 2024 from 02:00 to 04:00 UTC the payment service in eu-west will be offline.");
    assertThat(run.code).as(run.err).isZero();
    assertThat(run.out.strip()).isNotEmpty();
    assertThat(run.out.lines()).hasSize(1);
  }

  @Test
  void generateWithoutAPromptSaysSo() {
    for (String input : new String[] {"", " \n"}) {
      Run run = runWithInput(input, "generate");
      assertThat(run.code).isEqualTo(2);
      assertThat(run.err).contains("There is no prompt; give one with --prompt TEXT, or pipe a text to standard input");
      assertThat(run.out).isEmpty();
    }
    assertThat(run("generate", "--prompt", "").err).contains("There is no prompt");
  }

  @Test
  void generateReadsItsPromptFromAPipe() {
    Run piped = runWithInput("Hello\n", "generate", "--max-tokens", "5");
    assertThat(piped.code).as(piped.err).isZero();
    assertThat(piped.out).isEqualTo(run("generate", "--max-tokens", "5", "--prompt", "Hello").out);
  }

  @Test
  void statsAreOnStandardError() {
    Run run = run("generate", "--max-tokens", "3", "--stats", "--prompt", "Hello");
    assertThat(run.code).isZero();
    assertThat(run.err).contains("loaded in").contains("tokens/s");
  }

  @Test
  void tokenizeKnowsControlTokensOnlyWhenAsked() throws Exception {
    Path in = Files.writeString(folder.resolve("in.jsonl"), "{\"text\": \"<start_of_turn>\"}\n");
    String plain = run("tokenize", "--jsonl", in.toString()).out;
    String control = run("tokenize", "--control-tokens", "--jsonl", in.toString()).out;
    assertThat(MAPPER.readTree(plain).get("ids").size()).isGreaterThan(1);
    assertThat(MAPPER.readTree(control).get("ids").size()).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "7, 4", "512, 4"})
  void logitsAgreeWithTheExpectedOnes(int chunk, int batch) throws Exception {
    Path golden = TestData.resource("golden/gemma2-gguf");
    JsonNode expected = MAPPER.readTree(golden.resolve("gemma2-q8_0.expected.json").toFile());
    StringBuilder lines = new StringBuilder();
    for (JsonNode each : expected.get("cases")) {
      lines.append(String.format(Locale.ROOT, "{\"tokens\": %s, \"greedy\": %d}%n", each.get("tokens"), each.get("greedy").size()));
    }
    Path in = Files.writeString(folder.resolve("in.jsonl"), lines);
    Run run =
        run(
            "logits", "--model", golden.resolve("gemma2-q8_0.gguf").toString(),
            "--chunk", "" + chunk, "--batch", "" + batch, "--jsonl", in.toString());
    assertThat(run.code).as(run.err).isZero();
    List<String> answers = run.out.lines().toList();
    assertThat(answers).hasSize(expected.get("cases").size());
    for (int i = 0; i < answers.size(); i++) {
      JsonNode answer = MAPPER.readTree(answers.get(i));
      JsonNode wanted = expected.get("cases").get(i);
      assertThat(answer.get("argmax")).isEqualTo(wanted.get("argmax"));
      assertThat(answer.get("greedy")).isEqualTo(wanted.get("greedy"));
    }
  }

  /** A fine-tune that was taught chats in another form would answer worse, and nobody would know why. */
  @Test
  void aModelWithAChatTemplateOfAnotherFormChatsOnlyWhereTheUserNamesOne() throws Exception {
    Path model = Files.createDirectory(folder.resolve("tuned"));
    Path golden = TestData.resource("golden/gemma2-gguf");
    for (String file : List.of("config.json", "model.safetensors", "tokenizer.model")) {
      Files.copy(golden.resolve(file), model.resolve(file));
    }
    Files.writeString(
        model.resolve("tokenizer_config.json"),
        "{\"chat_template\": \"{% for m in messages %}<|im_start|>{{ m.role }}\\n{{ m.content }}<|im_end|>\\n{% endfor %}\"}");
    for (String command : List.of("generate --prompt x", "chat")) {
      Run refused = run((command + " --model " + model).split(" "));
      assertThat(refused.code).isEqualTo(1);
      assertThat(refused.err)
          .contains("tuned: the model brings a chat template that is not Gemma's", "--chat-template", "spark.gemma.chatTemplate")
          .doesNotContain("\tat ");
    }
    Run inspected = run("inspect", model.toString());
    assertThat(inspected.out).contains("not Gemma's: it takes raw prompts");
    for (String more : List.of("--raw", "--chat-template gemma")) {
      Run run = run(("generate --max-tokens 3 --prompt x --model " + model + " " + more).split(" "));
      assertThat(run.code).as(run.err).isZero();
    }
  }

  @Test
  void inspectSaysWhatTheModelIs() {
    Run run = run("inspect", "demo");
    assertThat(run.code).as(run.err).isZero();
    assertThat(run.out).contains("gemma2").contains("Q8_0");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "generate --model /no/such.gguf --prompt x | 1 | There is no file /no/such.gguf; check the path",
    "generate --temperature -1 --prompt x | 2 | temperature is -1.0",
    "generate --max-tokens none --prompt x | 2 | Invalid value for option '--max-tokens'",
    "generate --bogus | 2 | Unknown option: '--bogus'",
    "bogus | 2 | There is no command 'bogus'; there are generate, chat, tokenize, logits, inspect, convert, bench",
    "'' | 2 | Which command? There are generate, chat, tokenize, logits, inspect, convert, bench",
    "inspect demo bogus | 2 | Unmatched argument at index 2: 'bogus'",
    "tokenize --jsonl /no/such.jsonl | 1 | There is no file /no/such.jsonl",
    "tokenize --model a --tokenizer b | 2 | mutually exclusive",
    "logits --chunk 0 --jsonl pom.xml | 1 | pom.xml, line 1: not JSON",
  })
  void whatIsWrongIsSaidInOneLine(String command, int code, String message) {
    Run run = run(command.isEmpty() ? new String[0] : command.split(" "));
    assertThat(run.err).contains(message).doesNotContain("\tat ");
    assertThat(run.out).isEmpty();
    assertThat(run.code).isEqualTo(code);
  }

  @ParameterizedTest
  @ValueSource(strings = {"generate", "chat", "tokenize", "logits", "inspect", "convert", "bench"})
  void everyCommandHasHelp(String command) {
    Run run = run(command, "--help");
    assertThat(run.code).isZero();
    assertThat(run.out).startsWith("Usage: gemma " + command);
    assertThat(run("--help").out).contains(command);
  }

  private record Run(int code, String out, String err) {}

  private static Run run(String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int code = GemmaCli.run(new PrintWriter(out), new PrintWriter(err, true), arguments);
    return new Run(code, out.toString(), err.toString());
  }

  private static Run runWithInput(String input, String... arguments) {
    InputStream before = System.in;
    System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
    try {
      return run(arguments);
    } finally {
      System.setIn(before);
    }
  }
}
