package dev.gemmaspark.spark.app;

import static dev.gemmaspark.spark.app.LocalApplication.run;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gemmaspark.engine.generation.Prompt;
import dev.gemmaspark.engine.generation.TextGenerator;
import dev.gemmaspark.spark.CountingGenerator;
import dev.gemmaspark.spark.app.LocalApplication.Run;
import dev.gemmaspark.spark.executor.CountingFileSystem;
import dev.gemmaspark.spark.executor.EngineFactory;
import dev.gemmaspark.spark.executor.ExecutorEngine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What applications do around the model: slices, resumption, reports, streams. With a fake engine that counts. */
class BatchApplicationTest {
  private static final int ROWS = 200;

  @TempDir Path folder;
  private CountingGenerator engine;
  private Path input;
  private Path output;

  @BeforeEach
  void settings() throws IOException {
    LocalApplication.configure(folder.resolve("cache"));
    engine = new CountingGenerator();
    ExecutorEngine.replaceFactory(settings -> engine);
    input = Files.createDirectory(folder.resolve("in"));
    output = folder.resolve("out");
    lines("a.jsonl", 0, ROWS);
  }

  @AfterEach
  void clear() {
    ExecutorEngine.replaceFactory(EngineFactory::gemma);
    LocalApplication.clear();
  }

  @Test
  void aJobIsWrittenInSlicesOfATwentiethAndReported() throws Exception {
    Run run = summarize("--id-column", "id");
    assertThat(run.text()).contains("200 rows, 0 failed, 2,600 tokens");
    assertThat(run.code()).isZero();
    assertThat(engine.calls()).isEqualTo(ROWS);
    assertThat(ids()).isEqualTo(IntStream.range(0, ROWS).boxed().toList());
    JsonNode report = report();
    assertThat(report.get("state").asText()).isEqualTo("finished");
    assertThat(report.get("rows").asInt()).isEqualTo(ROWS);
    assertThat(report.get("model").asText()).isEqualTo("demo");
    assertThat(report.get("modelSha256").asText()).hasSize(64);
    assertThat(report.get("parameters").get("style").asText()).isEqualTo("sentence");
    assertThat(report.get("slices")).hasSize(20).allMatch(slice -> slice.get("rows").asInt() < 25);
    assertThat(output.resolve("_SUCCESS")).exists();
    assertThat(output.resolve("_gemma_slices")).doesNotExist();
  }

  @Test
  void equalRowsWithoutIdsAreInManySlices() throws Exception {
    Path equal = Files.writeString(folder.resolve("equal.jsonl"), "{\"body\": \"the same\"}\n".repeat(160));
    Run run = run(new SummarizeApp(), "--input", equal.toString(), "--format", "json", "--text-column", "body", "--output", output.toString());
    assertThat(run.text()).contains("160 rows, 0 failed");
    JsonNode slices = new ObjectMapper().readTree(output.resolve("_gemma_run.json").toFile()).get("slices");
    assertThat(slices).hasSize(20).allMatch(slice -> slice.get("rows").asInt() < 40);
    try (SparkSession spark = SparkSession.builder().getOrCreate()) {
      assertThat(spark.read().parquet(output.toString()).count()).isEqualTo(160);
    }
  }

  @Test
  void aJobThatEndedEarlyIsResumedWithoutDoingRowsTwice() throws Exception {
    TextGenerator half =
        request -> {
          if (engine.calls() >= ROWS / 2) {
            SparkSession.active().sparkContext().cancelAllJobs();
          }
          return engine.submit(request);
        };
    ExecutorEngine.replaceFactory(settings -> half);
    Run killed = summarize("--id-column", "id");
    assertThat(killed.code()).isEqualTo(1);
    assertThat(output.resolve("_SUCCESS")).doesNotExist();
    int before = engine.calls();
    assertThat(before).isBetween(ROWS / 2, ROWS / 2 + 50);

    ExecutorEngine.replaceFactory(settings -> engine);
    assertThat(summarize("--id-column", "id").text()).contains("of a run that did not finish (--mode resume goes on with it)");
    Run resumed = summarize("--id-column", "id", "--mode", "resume");
    assertThat(resumed.text()).contains("rows were done before");
    assertThat(resumed.code()).isZero();
    assertThat(ids()).isEqualTo(IntStream.range(0, ROWS).boxed().toList());
    assertThat(engine.calls()).isLessThanOrEqualTo(ROWS * 125 / 100);
    assertThat(report().get("doneBefore").asInt()).isPositive();
    assertThat(output.resolve("_SUCCESS")).exists();

    Run nothing = summarize("--id-column", "id", "--mode", "resume");
    assertThat(nothing.text()).contains("200 rows were done before, 0 rows, 0 failed");
    assertThat(ids()).hasSize(ROWS);
  }

  @Test
  void anotherModelOrOtherParametersAreNoResumption() throws Exception {
    summarize("--id-column", "id");
    assertThat(summarize("--id-column", "id", "--mode", "resume", "--style", "bullets").text())
        .contains("cannot be resumed: style was sentence, and is bullets");
    assertThat(summarize("--id-column", "id", "--mode", "resume", "--temperature", "0.5").text()).contains("temperature was 0.0, and is 0.5");
    assertThat(summarize("--mode", "resume").text()).contains("--mode resume needs --id-column");
    Files.writeString(output.resolve("_gemma_run.json"), Files.readString(output.resolve("_gemma_run.json")).replace("\"demo\"", "\"other\""));
    Run other = summarize("--id-column", "id", "--mode", "resume");
    assertThat(other.text()).contains("it was made by the model other");
    assertThat(other.code()).isEqualTo(2);
    assertThat(engine.calls()).isEqualTo(ROWS);
  }

  @Test
  void overwritingAndAppendingAreWhatTheySay() throws Exception {
    summarize("--id-column", "id");
    assertThat(summarize("--id-column", "id", "--mode", "overwrite").code()).isZero();
    assertThat(ids()).hasSize(ROWS);
    assertThat(summarize("--id-column", "id", "--mode", "append").code()).isZero();
    assertThat(ids()).hasSize(2 * ROWS);
  }

  @Test
  void nothingIsAppendedBesideFilesThatNoRunWrote() throws Exception {
    lines("a.jsonl", 0, 5);
    Path mine = Files.writeString(Files.createDirectory(output).resolve("notes.txt"), "mine");
    Run run = summarize("--id-column", "id", "--mode", "append");
    assertThat(run.text())
        .contains("There is 'notes.txt' at " + output + ", which no run of gemma-spark wrote, and readers would take it for rows of this output; name another --output")
        .hasLineCount(1);
    assertThat(run.code()).isEqualTo(2);
    // readers skip it
    Files.move(mine, output.resolve("_notes.txt"));
    assertThat(summarize("--id-column", "id", "--mode", "append").code()).isZero();
    assertThat(summarize("--id-column", "id", "--mode", "append").code()).isZero();
    assertThat(ids()).hasSize(10);
    // rows of another program
    Files.delete(output.resolve("_gemma_run.json"));
    assertThat(summarize("--id-column", "id", "--mode", "append").text()).contains("There is 'part-");
    assertThat(engine.calls()).isEqualTo(10);
  }

  @Test
  void aSliceThatWasCommittedWhenItsRunWasKilledIsKept() throws Exception {
    summarize("--id-column", "id");
    Path slice = Files.createDirectories(output.resolve("_gemma_slices/run-1/slice-00003"));
    Path file;
    try (Stream<Path> files = Files.list(output)) {
      file = files.filter(each -> each.toString().endsWith(".parquet")).findFirst().orElseThrow();
    }
    Files.move(file, slice.resolve(file.getFileName()));
    Files.createFile(slice.resolve("_SUCCESS"));
    Path half = Files.createDirectories(output.resolve("_gemma_slices/run-1/slice-00004"));
    Files.writeString(half.resolve("part-0.parquet"), "half");
    assertThat(summarize("--id-column", "id", "--mode", "resume").text()).contains("200 rows were done before, 0 rows");
    assertThat(ids()).isEqualTo(IntStream.range(0, ROWS).boxed().toList());
    assertThat(engine.calls()).isEqualTo(ROWS);
  }

  @Test
  void tooManyFailedRowsEndTheJobEarly() throws Exception {
    Files.writeString(
        input.resolve("a.jsonl"), IntStream.range(0, ROWS).mapToObj(i -> String.format(Locale.ROOT, "{\"id\": %d, \"body\": \"BAD\"}", i)).collect(Collectors.joining("\n")));
    Run run = summarize();
    assertThat(run.code()).isEqualTo(1);
    assertThat(run.text()).contains("rows failed, more than --fail-threshold 0.05");
    assertThat(report().get("slices").size()).isLessThan(5);
    assertThat(report().get("state").asText()).isEqualTo("failed");
  }

  @Test
  void anInputWithoutRowsGivesColumnsWithoutRows() throws Exception {
    Path empty = folder.resolve("empty.parquet");
    try (SparkSession spark = SparkSession.builder().getOrCreate()) {
      spark.sql("SELECT 1 id, 'x' body WHERE false").write().parquet(empty.toString());
    }
    Run run = run(new SummarizeApp(), "--input", empty.toString(), "--text-column", "body", "--output", output.toString());
    assertThat(run.code()).as(run.text()).isZero();
    assertThat(read()).isEmpty();
  }

  @Test
  void aDocumentLongerThanTheContextIsSummarizedInParts() throws Exception {
    String sentences = IntStream.range(0, 200).mapToObj(i -> "Sentence number " + i + " says that all went well.").collect(Collectors.joining("\\n"));
    Files.writeString(
        input.resolve("a.jsonl"),
        String.format(
            Locale.ROOT,
            """
            {"id": 0, "body": "%s"}
            {"id": 1, "body": "short"}
            {"id": 2, "body": null}
            {"id": 3, "body": ""}
            {"id": 4, "body": "%s \\nBAD"}
            {"id": 5, "body": "%s"}
            """,
            sentences,
            sentences,
            sentences.replace("\\n", " ")));
    Run run = summarize("--id-column", "id", "--fail-threshold", "0.5");
    assertThat(run.code()).as(run.text()).isZero();
    List<Row> rows = read().stream().sorted(java.util.Comparator.comparing(row -> row.<Long>getAs("id"))).toList();
    int parts = rows.getFirst().getAs("parts");
    assertThat(parts).isBetween(2, 8);
    // the parts, and the summary of their summaries: the fake engine gives back the last line
    assertThat(rows.get(0).<String>getAs("summary")).isEqualTo("[[Sentence number 199 says that all went well.]]");
    assertThat(rows.get(0).<Integer>getAs("prompt_tokens")).isEqualTo(10 * (parts + 1));
    assertThat(rows.get(0).<String>getAs("finish_reason")).isEqualTo("stop");
    assertThat(rows.get(1).<String>getAs("summary")).isEqualTo("[short]");
    assertThat(rows.get(1).<Integer>getAs("parts")).isOne();
    assertThat(rows.get(2).isNullAt(rows.get(2).fieldIndex("summary"))).isTrue();
    assertThat(rows.get(2).isNullAt(rows.get(2).fieldIndex("error"))).isTrue();
    assertThat(rows.get(4).<String>getAs("error")).contains("part ").contains("too long, says the test");
    assertThat(rows.get(4).<String>getAs("finish_reason")).isEqualTo("error");
    // an engine whose summaries are as long as their texts
    assertThat(rows.get(5).<String>getAs("error")).contains("the summaries of the summaries do not fit the context either");
    assertThat(rows.get(3).<String>getAs("summary")).isEqualTo("[]");
  }

  @Test
  void generateFillsItsTemplateOnce() throws Exception {
    lines("a.jsonl", 0, 1);
    Files.writeString(input.resolve("a.jsonl"), "{\"id\": 7, \"body\": \"{id} and $1\"}\n{\"id\": 8, \"body\": null}\n");
    Run run =
        run(
            new GenerateApp(), "--input", input.toString(), "--format", "json", "--prompt-template", "No. {id} in {{}}: { body }", "--system", "Be brief.",
            "--output", output.toString());
    assertThat(run.code()).as(run.text()).isZero();
    assertThat(engine.requests).hasSize(1);
    assertThat(((Prompt.Chat) engine.requests.getFirst().prompt()).turns()).extracting(turn -> turn.text()).containsExactly("Be brief.", "No. 7 in {}: {id} and $1");
    assertThat(read()).hasSize(2);
    assertThat(read().getFirst().schema().fieldNames()).startsWith("body", "id", "generated", "finish_reason");
  }

  @Test
  void everyRowIsDoneWithEachLineOfSamplingParameters() throws Exception {
    lines("a.jsonl", 0, 3);
    Path sampling = Files.writeString(folder.resolve("sampling.jsonl"), "{\"temperature\": 0.7, \"seed\": 4, \"stop\": [\"x\"]}\n\n{\"maxTokens\": 9}\n");
    List<String> options =
        List.of(
            "--input", input.toString(), "--format", "json", "--prompt-template", "{body}", "--id-column", "id", "--max-tokens", "30", "--seed", "2",
            "--sampling", sampling.toString(), "--output", output.toString());
    Run run = run(new GenerateApp(), options.toArray(String[]::new));
    assertThat(run.code()).as(run.text()).isZero();
    assertThat(ids()).containsExactly(0, 0, 1, 1, 2, 2);
    assertThat(read()).extracting(row -> row.<String>getAs("sampling")).contains("{\"maxTokens\": 9}");
    assertThat(engine.requests)
        .extracting(request -> String.format(Locale.ROOT, "%s %s %s %s",
            request.sampling().temperature(), request.sampling().seed(), request.stop().maxTokens(), request.stop().stopSequences()))
        .containsOnly("0.7 4 30 [x]", "0.0 2 9 []");
    assertThat(report().get("state").asText()).isEqualTo("finished");
    assertThat(run(new GenerateApp(), Stream.concat(options.stream(), Stream.of("--mode", "resume")).toArray(String[]::new)).text())
        .contains("3 rows were done before, 0 rows");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "{\"temperature\": -1} | line 1: temperature is -1.0",
    "{\"temprature\": 1} | line 1: no parameter 'temprature'; there are [maxTokens, temperature",
    "{\"topK\": 1.5} | line 1: topK is 1.5; it must be a whole number",
    "{\"stop\": \"x\"} | line 1: stop is \"x\"; it must be a list of texts",
    "[1] | line 1: a JSON object is expected",
    "{ | line 1: not JSON",
    "'' | has no line",
  })
  void wrongSamplingParametersAreToldOf(String line, String message) throws Exception {
    Path sampling = Files.writeString(folder.resolve("sampling.jsonl"), line + "\n");
    Run run =
        run(
            new GenerateApp(), "--input", input.toString(), "--format", "json", "--prompt-template", "{body}", "--sampling", sampling.toString(), "--output",
            output.toString());
    assertThat(run.text()).contains(message);
    assertThat(run.code()).isEqualTo(2);
    assertThat(output).doesNotExist();
  }

  @Test
  void whatIsMissingOrInTheWayIsWrongUsage() throws Exception {
    Path file = Files.writeString(folder.resolve("file"), "mine");
    String[] generate = {"--input", input.toString(), "--format", "json", "--prompt-template", "{body}", "--output"};
    Run inTheWay = run(new GenerateApp(), Stream.concat(Stream.of(generate), Stream.of(file.resolve("x/y").toString())).toArray(String[]::new));
    assertThat(inTheWay.text()).isEqualTo("There is a file at " + file + ", so there is no folder " + file + "/x/y; name another as --output" + System.lineSeparator());
    assertThat(inTheWay.code()).isEqualTo(2);
    Run missing = run(new GenerateApp(), Stream.concat(Stream.of(generate), Stream.of(output.toString(), "--sampling", file + ".jsonl")).toArray(String[]::new));
    assertThat(missing.text()).isEqualTo("There is no input at " + file + ".jsonl; check --sampling" + System.lineSeparator());
    assertThat(missing.code()).isEqualTo(2);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "Translate | names no column",
    "Translate {body | a '{' without a '}'",
    "Translate body} | a '}' without a '{'",
    "Translate {} or {body} | --prompt-template has {} without a name; write {column} with one of the input's columns (body, id), or {{}} for the braces themselves",
    "Translate {text} | The input has no column 'text' (--prompt-template); its columns are body, id",
  })
  void wrongTemplatesAreToldOf(String template, String message) {
    Run run =
        run(new GenerateApp(), "--input", input.toString(), "--format", "json", "--prompt-template", template, "--output", output.toString());
    assertThat(run.text()).contains(message);
    assertThat(run.code()).isEqualTo(2);
  }

  @Test
  void aStreamTakesUpEveryFileOnce() throws Exception {
    lines("a.jsonl", 0, 10);
    lines("b.jsonl", 10, 20);
    assertThat(stream("--max-files-per-trigger", "1").code()).isZero();
    assertThat(ids()).isEqualTo(IntStream.range(0, 20).boxed().toList());
    assertThat(stream().code()).isZero();
    assertThat(engine.calls()).isEqualTo(20);
    lines("c.jsonl", 20, 25);
    assertThat(stream().code()).isZero();
    assertThat(ids()).isEqualTo(IntStream.range(0, 25).boxed().toList());
    assertThat(engine.calls()).isEqualTo(25);
  }

  /** The last file of the checkpoint's commits is what a driver had not yet written that died after its batch was in the sink. */
  @Test
  void aDriverThatDiesBeforeItsCommitDoublesNothing() throws Exception {
    lines("a.jsonl", 0, 10);
    assertThat(stream().code()).isZero();
    Files.delete(folder.resolve("checkpoint/commits/0"));
    Files.deleteIfExists(folder.resolve("checkpoint/commits/.0.crc"));
    lines("b.jsonl", 10, 15);
    assertThat(stream().code()).isZero();
    assertThat(ids()).isEqualTo(IntStream.range(0, 15).boxed().toList());
  }

  @Test
  void aBatchThatFailsIsDoneWhenTheStreamIsStartedAgain() throws Exception {
    lines("a.jsonl", 0, 10);
    ExecutorEngine.replaceFactory(
        settings -> request -> CompletableFuture.failedFuture(new IllegalStateException("down")));
    Run failed = stream();
    assertThat(failed.code()).isEqualTo(1);
    ExecutorEngine.replaceFactory(settings -> engine);
    assertThat(stream().code()).isZero();
    assertThat(ids()).isEqualTo(IntStream.range(0, 10).boxed().toList());
  }

  @Test
  void aCheckpointThatIsBrokenIsNamed() throws Exception {
    lines("a.jsonl", 0, 10);
    assertThat(stream().code()).isZero();
    Path offset = folder.resolve("checkpoint/offsets/0");
    Files.writeString(offset, "garbage");
    Files.deleteIfExists(folder.resolve("checkpoint/offsets/.0.crc"));
    Run run = stream();
    assertThat(run.code()).isEqualTo(1);
    assertThat(run.text()).contains(folder.resolve("checkpoint").toString());
    assertThat(ids()).hasSize(10);
  }

  @Test
  void aDiskThatIsFullLeavesWholeSlicesAndTheRestIsResumed() throws Exception {
    CountingFileSystem.ROOM.set(6);
    String place = "counting://" + output;
    List<String> options =
        List.of("--input", input.toString(), "--format", "json", "--text-column", "body", "--id-column", "id", "--output", place);
    Run full;
    try {
      full = run(new SummarizeApp(), options.toArray(String[]::new));
    } finally {
      CountingFileSystem.ROOM.set(Integer.MAX_VALUE);
    }
    assertThat(full.code()).isEqualTo(1);
    assertThat(full.text()).contains("No space left on device");
    assertThat(output.resolve("_SUCCESS")).doesNotExist();
    List<Integer> done = ids();
    assertThat(done).doesNotHaveDuplicates().hasSizeBetween(10, ROWS - 10);
    Run resumed = run(new SummarizeApp(), Stream.concat(options.stream(), Stream.of("--mode", "resume")).toArray(String[]::new));
    assertThat(resumed.code()).as(resumed.text()).isZero();
    assertThat(ids()).isEqualTo(IntStream.range(0, ROWS).boxed().toList());
    assertThat(output.resolve("_SUCCESS")).exists();
  }

  @Test
  void aColumnThatTheOutputHasTooIsSaidToCollide() throws Exception {
    Files.writeString(input.resolve("a.jsonl"), "{\"id\": 1, \"body\": \"x\", \"Parts\": 2}\n");
    Run run = summarize();
    assertThat(run.text()).contains("The input has a column 'Parts', as the output has; keep one other column with --id-column");
    assertThat(run.code()).isEqualTo(2);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "--stream | --stream needs --checkpoint DIR",
    "--checkpoint c | --checkpoint, --trigger and --max-files-per-trigger go with --stream",
    "--stream --checkpoint c --trigger soon | --trigger is 'soon'; it must be available-now, or an interval",
    "--stream --checkpoint c --max-files-per-trigger 0 | --max-files-per-trigger is 0",
    "--stream --checkpoint c --mode overwrite | --mode overwrite does not go with --stream",
  })
  void wrongStreamOptionsAreToldOf(String options, String message) {
    Run run = summarize(options.split(" "));
    assertThat(run.text()).contains(message);
    assertThat(run.code()).isEqualTo(2);
  }

  private void lines(String name, int from, int to) throws IOException {
    Files.writeString(
        input.resolve(name),
        IntStream.range(from, to).mapToObj(i -> String.format(Locale.ROOT, "{\"id\": %1$d, \"body\": \"doc%1$d\"}", i)).collect(Collectors.joining("\n")));
  }

  private Run summarize(String... more) {
    List<String> arguments =
        Stream.concat(
                Stream.of("--input", input.toString(), "--format", "json", "--text-column", "body", "--output", output.toString()),
                Stream.of(more))
            .toList();
    return run(new SummarizeApp(), arguments.toArray(String[]::new));
  }

  private Run stream(String... more) {
    return summarize(
        Stream.concat(Stream.of("--stream", "--checkpoint", folder.resolve("checkpoint").toString(), "--id-column", "id"), Stream.of(more))
            .toArray(String[]::new));
  }

  private List<Row> read() throws IOException {
    try (SparkSession spark = SparkSession.builder().getOrCreate()) {
      return List.copyOf(spark.read().parquet(output.toString()).collectAsList());
    }
  }

  private List<Integer> ids() throws IOException {
    return read().stream().map(row -> ((Number) row.getAs("id")).intValue()).sorted().toList();
  }

  private JsonNode report() throws IOException {
    return new ObjectMapper().readTree(output.resolve("_gemma_run.json").toFile());
  }
}
