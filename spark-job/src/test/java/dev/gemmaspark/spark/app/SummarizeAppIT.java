package dev.gemmaspark.spark.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gemmaspark.spark.app.LocalApplication.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The application, with the demo model and the sample documents. */
class SummarizeAppIT {
  private static final String DOCUMENTS = "../conf/demo/documents.parquet";

  @TempDir Path folder;

  @BeforeEach
  void settings() {
    LocalApplication.configure(folder.resolve("cache"));
  }

  @AfterEach
  void clear() {
    LocalApplication.clear();
  }

  @Test
  void theSampleDocumentsGetTheirSummaries() throws Exception {
    String output = folder.resolve("summaries").toString();
    Run run = run("--input", DOCUMENTS, "--text-column", "body", "--output", output);
    assertThat(run.text()).contains("200 rows, 0 failed, 31,111 tokens");
    assertThat(run.code()).isZero();
    List<Row> rows = read(output);
    assertThat(rows).hasSize(200);
    assertThat(rows.getFirst().schema().fieldNames())
        .containsExactly(
            "id", "title", "body", "summary", "finish_reason", "prompt_tokens", "completion_tokens", "error", "model", "model_sha256", "parts");
    Map<Integer, String> expected = expected();
    long equal = rows.stream().filter(row -> expected.get(row.getInt(0)).equals(row.getAs("summary"))).count();
    assertThat(equal).isGreaterThanOrEqualTo(196);
    assertThat(rows).allMatch(row -> row.getAs("finish_reason").equals("stop") && row.getAs("error") == null);
    assertThat(rows).allMatch(row -> row.getAs("model").equals("demo"));

    Run again = run("--input", DOCUMENTS, "--text-column", "body", "--output", output);
    assertThat(again.text()).contains("There is output at").contains("--mode overwrite");
    assertThat(again.code()).isEqualTo(2);
  }

  @Test
  void aDryRunSaysWhatTheJobWillCostAndWritesNothing() {
    String output = folder.resolve("dry").toString();
    Run run = run("--dry-run", "--input", DOCUMENTS, "--text-column", "body", "--output", output);
    assertThat(run.code()).as(run.text()).isZero();
    assertThat(run.text())
        .containsPattern("(?m)^rows +200$")
        .containsPattern("(?m)^prompt tokens +[0-9,]+ \\([0-9]+ a row, from 8 rows\\)$")
        .containsPattern("(?m)^weights +5 MiB")
        .containsPattern("(?m)^KV cache +[0-9]+ MiB at the most$")
        .containsPattern("(?m)^time +[0-9]+ s on this machine");
    assertThat(folder.resolve("dry")).doesNotExist();
  }

  @Test
  void aDryRunMeasuresAsTheJobWillRun() throws Exception {
    System.setProperty("spark.master", "local[1]");
    System.setProperty("spark.gemma.contextLength", "192");
    Path three = Files.writeString(folder.resolve("three.txt"), "One.\nTwo.\nThree.\n");
    Run run = run("--dry-run", "--input", three.toString(), "--format", "text", "--text-column", "value", "--output", folder.resolve("dry").toString(), "--max-tokens", "32");
    assertThat(run.code()).as(run.text()).isZero();
    assertThat(run.text()).contains(" a row, from 3 rows)");
    assertThat(run.text()).containsPattern("(?m)^speed .* on 1 threads$");
  }

  @Test
  void theIdColumnAloneIsKeptAndALongDocumentIsDoneInParts() throws Exception {
    Path input = folder.resolve("in.jsonl");
    Files.writeString(
        input, "{\"id\": 1, \"t\": \"" + "word ".repeat(2000) + "\"}\n{\"id\": 2, \"t\": \"Short.\"}\n{\"id\": 3, \"t\": null}\n");
    String output = folder.resolve("out").toString();
    Run run =
        run("--input", input.toString(), "--format", "json", "--text-column", "t", "--id-column", "id", "--output", output, "--max-tokens", "4");
    assertThat(run.code()).as(run.text()).isZero();
    assertThat(run.text()).contains("3 rows, 0 failed");
    List<Row> rows = read(output);
    assertThat(rows).hasSize(3);
    assertThat(rows.get(0).schema().fieldNames()).startsWith("id", "summary").hasSize(9);
    assertThat(rows.get(0).<Integer>getAs("parts")).isGreaterThan(1);
    assertThat(rows.get(0).<String>getAs("error")).isNull();
    assertThat(rows.get(0).<String>getAs("summary")).isNotNull();
    assertThat(rows.get(1).<Integer>getAs("parts")).isOne();
    assertThat(rows.get(1).<String>getAs("finish_reason")).isEqualTo("length");
    assertThat(rows.get(2).<String>getAs("summary")).isNull();
    assertThat(rows.get(2).<String>getAs("error")).isNull();
  }

  @Test
  void whatTheUserCanSeeToEndsWithTwoBeforeAnyWork() {
    String out = folder.resolve("none").toString();
    List<List<String>> cases =
        List.of(
            List.of("There is no input at", "--input", "/no/such", "--text-column", "body", "--output", out),
            List.of("no column 'text' (--text-column); its columns are id, title, body", "--input", DOCUMENTS, "--text-column", "text", "--output", out),
            List.of("is of type INT; STRING is needed", "--input", DOCUMENTS, "--text-column", "id", "--output", out),
            List.of("no column 'key' (--id-column)", "--input", DOCUMENTS, "--text-column", "body", "--id-column", "key", "--output", out),
            List.of("cannot be read as orc", "--input", DOCUMENTS, "--format", "orc", "--text-column", "body", "--output", out),
            List.of("Missing required option: '--text-column=C'", "--input", DOCUMENTS, "--output", out),
            List.of("Unknown option: '--bogus'", "--bogus", "--input", DOCUMENTS, "--text-column", "body", "--output", out),
            List.of("temperature is -1.0", "--temperature", "-1", "--input", DOCUMENTS, "--text-column", "body", "--output", out),
            List.of("--fail-threshold is 2.0", "--fail-threshold", "2", "--input", DOCUMENTS, "--text-column", "body", "--output", out));
    for (List<String> each : cases) {
      Run run = run(each.subList(1, each.size()).toArray(String[]::new));
      assertThat(run.text()).contains(each.getFirst());
      assertThat(run.code()).as(run.text()).isEqualTo(2);
    }
    assertThat(folder.resolve("none")).doesNotExist();
  }

  @Test
  void aModelThatIsNotThereFailsBeforeAnyWork() {
    Run run =
        run("--model", "/no/model.gguf", "--input", DOCUMENTS, "--text-column", "body", "--output", folder.resolve("x").toString());
    assertThat(run.code()).isEqualTo(1);
    assertThat(run.text()).contains("There is no readable model /no/model.gguf on host");
    assertThat(run.text().lines()).hasSize(1);
  }

  private static Run run(String... arguments) {
    return LocalApplication.run(new SummarizeApp(), arguments);
  }

  private static List<Row> read(String path) throws IOException {
    try (SparkSession spark = SparkSession.builder().getOrCreate()) {
      return new ArrayList<>(spark.read().parquet(path).orderBy("id").collectAsList());
    }
  }

  private static Map<Integer, String> expected() throws IOException {
    Map<Integer, String> expected = new HashMap<>();
    ObjectMapper mapper = new ObjectMapper();
    for (String line : Files.readAllLines(Path.of("src/test/resources/demo/expected.jsonl"))) {
      JsonNode node = mapper.readTree(line);
      expected.put(node.get("id").asInt(), node.get("expected_q8_0").asText());
    }
    return expected;
  }
}
