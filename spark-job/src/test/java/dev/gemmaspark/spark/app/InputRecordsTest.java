package dev.gemmaspark.spark.app;

import static dev.gemmaspark.spark.app.LocalApplication.run;
import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.spark.CountingGenerator;
import dev.gemmaspark.spark.app.LocalApplication.Run;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Test;

/** Records that cannot be read, or not as they were meant, are failed rows or an error before any work. */
class InputRecordsTest extends SummarizeJobs {
  @Test
  void recordsThatCannotBeReadAreRowsThatFailed() throws Exception {
    lines(input.resolve("a.jsonl"), 0, 20);
    Files.writeString(input.resolve("b.jsonl"), "{\"id\": 70, \"body\": \"fine\"}\n{\"id\": 71, \"body\": \"broken\nnot json at all\n");
    Run run = summarize("--id-column", "id", "--fail-threshold", "0.1");
    assertThat(run.text()).contains("23 rows, 2 failed");
    List<Row> failed = read().stream().filter(row -> row.getAs("error") != null).toList();
    assertThat(failed).hasSize(2).allMatch(row -> row.<String>getAs("error").equals("the record cannot be read as json"));
    assertThat(failed).allMatch(row -> row.<String>getAs("finish_reason").equals("error") && row.getAs("summary") == null);
    assertThat(engine.calls()).isEqualTo(21);
    Run resumed = summarize("--id-column", "id", "--mode", "resume", "--fail-threshold", "0.1");
    assertThat(resumed.text()).contains("21 rows were done before, 2 rows, 2 failed");
    assertThat(read()).hasSize(23);
    assertThat(summarize("--mode", "overwrite", "--fail-threshold", "0.01").code()).isEqualTo(1);
  }

  @Test
  void csvThatDoesNotFitOrIsInAnotherEncodingFails() throws Exception {
    Path file = input.resolve("a.csv");
    Files.writeString(file, "id,body\n1,one\n2,two,too many\n3\n4,\"two\nlines\"\n", StandardCharsets.UTF_8);
    Files.write(input.resolve("b.csv"), "id,body\n5,caf\u00e9\n".getBytes(Charset.forName("windows-1252")));
    Run run = run(new SummarizeApp(), "--input", input.toString(), "--format", "csv", "--text-column", "body", "--id-column", "id", "--output", output.toString(), "--fail-threshold", "1");
    assertThat(run.text()).contains("5 rows, 3 failed");
    assertThat(errors()).containsExactlyInAnyOrder(
        "the record cannot be read as csv", "the record cannot be read as csv",
        "the record is in another encoding than it was read in: column 'body' has U+FFFD; name it with --input-option encoding=windows-1252, say, or encoding=UTF-8 if that"
            + " is what is written there");
    assertThat(engine.calls()).isEqualTo(2);

    Files.writeString(file, "id,body\n1,\"one\n2,two\n3,three\n", StandardCharsets.UTF_8);
    Run unbalanced = run(new SummarizeApp(), "--input", file.toString(), "--format", "csv", "--text-column", "body", "--output", folder.resolve("d").toString());
    assertThat(unbalanced.text()).contains("Line 2 of file:" + file + " has a quote that is not closed where its value ends").hasLineCount(1);
    assertThat(unbalanced.code()).isEqualTo(2);

    Path semicolons = Files.write(folder.resolve("c.csv"), "id;body\n5;caf\u00e9\n".getBytes(Charset.forName("windows-1252")));
    Run right =
        run(
            new GenerateApp(), "--input", semicolons.toString(), "--format", "csv", "--prompt-template", "{body}", "--output", folder.resolve("c").toString(),
            "--input-option", "encoding=windows-1252", "--input-option", "delimiter=;");
    assertThat(right.text()).contains("1 rows, 0 failed");
    assertThat(CountingGenerator.text(engine.requests.getLast())).isEqualTo("caf\u00e9");
  }

  @Test
  void aReplacementCharacterThatIsWrittenThereIsBelieved() throws Exception {
    Files.writeString(input.resolve("a.csv"), "id,body\n1,caf\uFFFD\n", StandardCharsets.UTF_8);
    Files.writeString(input.resolve("b.csv"), "id,body\n2,fine\n", StandardCharsets.UTF_8);
    String[] options = {"--input", input.toString(), "--format", "csv", "--text-column", "body", "--output", output.toString(), "--fail-threshold", "0.6"};
    assertThat(run(new SummarizeApp(), options).text()).contains("2 rows, 1 failed");
    Run named = run(new SummarizeApp(), Stream.concat(Stream.of(options), Stream.of("--mode", "overwrite", "--input-option", "Encoding=UTF-8")).toArray(String[]::new));
    assertThat(named.text()).contains("2 rows, 0 failed");
  }

  @Test
  void whatIsNoInputIsSaid() throws Exception {
    Run run = between(lines(input.resolve("a.jsonl"), 0, 10).toString(), output.toString(), "--stream", "--checkpoint", folder.resolve("checkpoint").toString());
    assertThat(run.text()).contains("--stream takes files up as they come to a folder, and " + input + "/a.jsonl is a file; name its folder (--input)").hasLineCount(1);
    assertThat(run.code()).isEqualTo(2);
    Path empty = Files.createFile(folder.resolve("empty.jsonl"));
    assertThat(between(empty.toString(), output.toString()).text()).contains("The input is empty, and so has no column 'body' (--text-column)").hasLineCount(1);
    assertThat(summarize("--model", "").text()).contains("--model is empty; name a model, or leave the option out");
  }
}
