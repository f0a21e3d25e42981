package dev.gemmaspark.spark.app;

import static dev.gemmaspark.spark.app.LocalApplication.run;
import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.FinishReason;
import dev.gemmaspark.engine.generation.TextGenerator;
import dev.gemmaspark.engine.generation.TokenUsage;
import dev.gemmaspark.spark.CountingGenerator;
import dev.gemmaspark.spark.app.LocalApplication.Run;
import dev.gemmaspark.spark.executor.EngineFactory;
import dev.gemmaspark.spark.executor.ExecutorEngine;
import dev.gemmaspark.spark.storage.FolderLock;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What becomes of what was there: the input, the output of before, rows that failed, records that cannot be read. */
class OutputTest {
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
  }

  @AfterEach
  void clear() {
    ExecutorEngine.replaceFactory(EngineFactory::gemma);
    LocalApplication.clear();
  }

  @ParameterizedTest
  @CsvSource({
    "in, in, are the same",
    "in, in/, are the same",
    "in, file:in, are the same",
    "in, in/../in, are the same",
    "in, link, are the same",
    "link, in, are the same",
    "i*, in, is within --input",
    "in/docs, in, is within --output",
    "in/*, in, is within --output",
    "in, in/out, is within --input",
    "in, link/docs/out, is within --input",
    "*/docs, in/docs/x/y, is within --input",
    "in/*, in/out, is within --input",
    "'i[mn]/{docs,out}', in/out/x, is within --input",
    "'{in,other}/*.jsonl', in, is within --output",
    "link/*/*, in/docs/out, is within --input",
  })
  void anInputIsNeverOverwritten(String from, String to, String message) throws Exception {
    Path docs = Files.createDirectories(input.resolve("docs"));
    Path file = lines(docs.resolve("a.jsonl"), 0, 20);
    Files.createSymbolicLink(folder.resolve("link"), input);
    Run run = between(folder.resolve(from).toString(), to.startsWith("file:") ? "file:" + folder.resolve(to.substring(5)) : folder + "/" + to, "--mode", "overwrite");
    assertThat(run.text()).contains(message);
    assertThat(run.code()).isEqualTo(2);
    assertThat(file).exists();
    assertThat(engine.calls()).isZero();
  }

  @Test
  void filesThatNoRunWroteAreNotOverwritten() throws Exception {
    lines(input.resolve("a.jsonl"), 0, 20);
    Path notes = Files.writeString(Files.createDirectory(output).resolve("notes.txt"), "mine");
    Run run = summarize("--mode", "overwrite");
    assertThat(run.text()).contains("There is 'notes.txt' at " + output + ", which no run of gemma-spark wrote, and --mode overwrite would delete it").hasLineCount(1);
    assertThat(run.code()).isEqualTo(2);
    Files.delete(notes);
    assertThat(summarize("--mode", "overwrite").code()).isZero();
    Path table = Files.createDirectories(output.resolve("2024/part"));
    assertThat(summarize("--mode", "overwrite").text()).contains("There is '2024' at ");
    Files.delete(table);
    Files.delete(table.getParent());
    assertThat(summarize("--mode", "overwrite").code()).isZero();
    // rows of another program
    Files.delete(output.resolve("_gemma_run.json"));
    assertThat(summarize("--mode", "overwrite").text()).contains("There is 'part-");
    assertThat(ids()).hasSize(20);
    assertThat(engine.calls()).isEqualTo(40);
  }

  @Test
  void anOutputThatIsWholeAndNotYetInItsPlaceIsGoneOnWith() throws Exception {
    lines(input.resolve("a.jsonl"), 0, 20);
    summarize("--id-column", "id");
    Files.move(output, folder.resolve("staged"));
    summarize("--id-column", "id");
    Files.move(folder.resolve("staged"), output.resolve("_gemma_new"));
    assertThat(summarize("--id-column", "id").text()).contains("of a run that did not finish (--mode resume goes on with it)");
    // killed before it had written anything
    Path other = Files.createDirectory(folder.resolve("other"));
    Files.writeString(other.resolve("_gemma_run.json.unfinished"), "{");
    assertThat(between(input.toString(), other.toString()).code()).isZero();
  }

  @Test
  void theOldOutputIsReadUntilTheNewIsWhole() throws Exception {
    lines(input.resolve("a.jsonl"), 0, 40);
    summarize("--id-column", "id");
    assertThat(ids()).hasSize(40);
    Files.delete(input.resolve("a.jsonl"));
    lines(input.resolve("b.jsonl"), 100, 140);
    killAfter(20);
    assertThat(summarize("--id-column", "id", "--mode", "overwrite").code()).isEqualTo(1);
    assertThat(ids()).isEqualTo(IntStream.range(0, 40).boxed().toList());
    assertThat(output.resolve("_SUCCESS")).exists();
    ExecutorEngine.replaceFactory(settings -> engine);
    int before = engine.calls();
    Run resumed = summarize("--id-column", "id", "--mode", "resume");
    assertThat(resumed.code()).as(resumed.text()).isZero();
    assertThat(ids()).isEqualTo(IntStream.range(100, 140).boxed().toList());
    assertThat(engine.calls() - before).isLessThan(40);
    assertThat(leftBehind()).isEmpty();
    // what fails too often does not take its place either
    Files.writeString(input.resolve("b.jsonl"), "{\"id\": 1, \"body\": \"BAD\"}\n");
    Run failed = summarize("--mode", "overwrite");
    assertThat(failed.code()).isEqualTo(1);
    assertThat(failed.text()).contains("the column 'error' of " + output + "/_gemma_new says why; the output that was there stays");
    assertThat(ids()).hasSize(40);
  }

  @Test
  void aSwapThatWasBegunIsEndedByTheNextRun() throws Exception {
    lines(input.resolve("a.jsonl"), 0, 20);
    summarize("--id-column", "id");
    Path staged = output.resolve("_gemma_new");
    Run other = between(input.toString(), folder.resolve("other").toString(), "--id-column", "id");
    assertThat(other.code()).isZero();
    Files.move(folder.resolve("other"), staged);
    String old;
    try (Stream<Path> files = Files.list(output)) {
      old = files.map(file -> file.getFileName().toString()).filter(name -> name.endsWith(".parquet")).map(name -> '"' + name + '"').collect(Collectors.joining(","));
    }
    Files.writeString(output.resolve("_gemma_swap.json"), "{\"from\":\"_gemma_new\",\"replaced\":[" + old + "],\"success\":true}");
    Files.delete(output.resolve("_SUCCESS"));
    Run next = summarize("--id-column", "id");
    assertThat(next.text()).contains("There is output at");
    assertThat(ids()).isEqualTo(IntStream.range(0, 20).boxed().toList());
    assertThat(output.resolve("_SUCCESS")).exists();
    assertThat(leftBehind()).isEmpty();
  }

  @Test
  void whatAKilledRunAppendedIsNotAppendedAgain() throws Exception {
    lines(input.resolve("a.jsonl"), 0, 20);
    summarize("--id-column", "id");
    Path more = Files.createDirectory(folder.resolve("more"));
    lines(more.resolve("b.jsonl"), 20, 30);
    String[] append = {"--id-column", "id", "--mode", "append"};
    // killed after its swap was written
    assertThat(between(more.toString(), output.toString(), append).code()).isZero();
    Path staged = Files.createDirectory(output.resolve("_gemma_new"));
    Files.copy(output.resolve("_gemma_run.json"), staged.resolve("_gemma_run.json"));
    Files.writeString(output.resolve("_gemma_swap.json"), "{\"from\":\"_gemma_new\",\"replaced\":[],\"success\":true}");
    Run again = between(more.toString(), output.toString(), append);
    assertThat(again.text()).contains("A run with --mode append that was killed at its end, ").contains(", is whole now: its 10 rows are in " + output).hasLineCount(1);
    assertThat(again.code()).isEqualTo(2);
    Run resumed = between(more.toString(), output.toString(), "--id-column", "id", "--mode", "resume");
    assertThat(resumed.text()).contains("10 rows were done before, 0 rows, 0 failed");
    assertThat(resumed.code()).isZero();
    assertThat(ids()).isEqualTo(IntStream.range(0, 30).boxed().toList());
    assertThat(leftBehind()).isEmpty();
  }

  @Test
  void nothingIsAppendedToAnOutputThatIsNotWhole() throws Exception {
    lines(input.resolve("a.jsonl"), 0, 60);
    killAfter(20);
    assertThat(summarize("--id-column", "id").code()).isEqualTo(1);
    ExecutorEngine.replaceFactory(settings -> engine);
    Run append = summarize("--id-column", "id", "--mode", "append");
    assertThat(append.text()).contains("is of a run that did not finish, and --mode append would make it look whole; --mode resume goes on with it").hasLineCount(1);
    assertThat(append.code()).isEqualTo(2);
    assertThat(summarize("--id-column", "id", "--mode", "resume").code()).isZero();
    assertThat(ids()).isEqualTo(IntStream.range(0, 60).boxed().toList());
  }

  @Test
  void aSecondRunOnAnOutputIsRefused() throws Exception {
    lines(input.resolve("a.jsonl"), 0, 20);
    try (FolderLock other = FolderLock.acquire(FileSystem.getLocal(new Configuration()), new org.apache.hadoop.fs.Path(output.toString()), "summarize", "run-7")) {
      Run run = summarize("--mode", "append");
      assertThat(run.code()).isEqualTo(2);
      assertThat(run.text()).contains("Another run is at work in").contains("run run-7").hasLineCount(1);
      other.requireHeld();
    }
    assertThat(engine.calls()).isZero();
    assertThat(summarize().code()).isZero();
    assertThat(output.resolve("_gemma_lock")).doesNotExist();
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "{\"id\": 3, \"body\": \"x\"} | is '3' in 2 rows",
    "{\"id\": null, \"body\": \"x\"} | is NULL in 1 rows",
    "{\"body\": \"x\"} | is NULL in 1 rows",
  })
  void idsMustBeThereAndDiffer(String line, String message) throws Exception {
    lines(input.resolve("a.jsonl"), 0, 20);
    Files.writeString(input.resolve("b.jsonl"), line + "\n");
    Run run = summarize("--id-column", "id");
    assertThat(run.text()).contains("The column 'id' (--id-column) " + message + "; every row needs an id of its own");
    assertThat(run.code()).isEqualTo(2);
    assertThat(engine.calls()).isZero();
    assertThat(output).doesNotExist();
  }

  @Test
  void anotherRunIsNoResumption() throws Exception {
    lines(input.resolve("a.jsonl"), 0, 20);
    assertThat(summarize("--id-column", "id").code()).isZero();
    Path other = Files.createDirectory(folder.resolve("in2"));
    lines(other.resolve("a.jsonl"), 0, 20);
    assertThat(between(other.toString(), output.toString(), "--id-column", "id", "--mode", "resume").text())
        .contains("cannot be resumed: input was file:" + input + ", and is file:" + other);
    assertThat(summarize("--id-column", "body", "--mode", "resume").text()).contains("idColumn was id, and is body");
    assertThat(summarize("--id-column", "id", "--mode", "resume", "--input-option", "mode=PERMISSIVE").text()).contains("inputOptions was {}, and is {mode=PERMISSIVE}");
    assertThat(between(input + "/", output.toString(), "--id-column", "id", "--mode", "resume").text()).contains("20 rows were done before, 0 rows");
    Path prompts = Files.createDirectory(folder.resolve("prompts"));
    Files.writeString(prompts.resolve("summarize-sentence.txt"), "Sum it up.");
    System.setProperty("spark.gemma.promptDir", prompts.toString());
    assertThat(summarize("--id-column", "id", "--mode", "resume").text()).contains("cannot be resumed: prompt was ");
    System.clearProperty("spark.gemma.promptDir");
    System.setProperty("spark.gemma.kvCacheType", "f32");
    assertThat(summarize("--id-column", "id", "--mode", "resume").text()).contains("cannot be resumed: kvCacheType was default, and is f32");
    System.clearProperty("spark.gemma.kvCacheType");
    Path all = folder.resolve("all");
    between(input.toString(), all.toString());
    assertThat(between(input.toString(), all.toString(), "--id-column", "id", "--mode", "resume").text()).contains("idColumn was none, and is id");
    assertThat(engine.calls()).isEqualTo(40);
  }

  @Test
  void rowsThatFailedAreDoneAgainByAResumption() throws Exception {
    lines(input.resolve("a.jsonl"), 0, 20);
    Files.writeString(input.resolve("b.jsonl"), "{\"id\": 100, \"body\": \"BAD\"}\n{\"id\": 101, \"body\": \"BAD\"}\n");
    Run first = summarize("--id-column", "id", "--fail-threshold", "0.1");
    assertThat(first.text()).contains("22 rows, 2 failed");
    assertThat(first.code()).isZero();
    Run still = summarize("--id-column", "id", "--mode", "resume", "--fail-threshold", "0.1");
    assertThat(still.text()).contains("20 rows were done before, 2 rows, 2 failed");
    assertThat(still.code()).isZero();
    Run stricter = summarize("--id-column", "id", "--mode", "resume", "--fail-threshold", "0.01");
    assertThat(stricter.text()).contains("2 of 22 rows failed, more than --fail-threshold 0.01");
    assertThat(stricter.code()).isEqualTo(1);
    // an engine that can do them
    TextGenerator able =
        request -> {
          engine.submit(request);
          return CompletableFuture.completedFuture(new Completion("done", FinishReason.STOP, new TokenUsage(1, 1, 0)));
        };
    ExecutorEngine.replaceFactory(settings -> able);
    int before = engine.calls();
    Run last = summarize("--id-column", "id", "--mode", "resume");
    assertThat(last.text()).contains("20 rows were done before, 2 rows, 0 failed");
    // equal texts are asked once where they meet
    assertThat(engine.calls() - before).isBetween(1, 2);
    assertThat(ids()).hasSize(22).doesNotHaveDuplicates();
    assertThat(read()).allMatch(row -> row.getAs("error") == null);
    assertThat(leftBehind()).isEmpty();
  }

  @Test
  void aMoveThatWasEndedBetweenCopyAndDeleteIsMadeAgain() throws Exception {
    lines(input.resolve("a.jsonl"), 0, 20);
    summarize("--id-column", "id");
    Path slice = Files.createDirectories(output.resolve("_gemma_slices/run-1/slice-00000"));
    Files.createFile(slice.resolve("_SUCCESS"));
    List<Path> files;
    try (Stream<Path> all = Files.list(output)) {
      files = all.filter(each -> each.toString().endsWith(".parquet")).toList();
    }
    for (Path file : files) {
      Files.copy(file, slice.resolve(file.getFileName()));
    }
    // one is half copied
    Files.writeString(files.getFirst(), "half");
    Files.deleteIfExists(output.resolve("." + files.getFirst().getFileName() + ".crc"));
    Run resumed = summarize("--id-column", "id", "--mode", "resume");
    assertThat(resumed.text()).contains("20 rows were done before, 0 rows");
    assertThat(ids()).isEqualTo(IntStream.range(0, 20).boxed().toList());
  }

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
  void quotesOfFilesThatComeToAStreamAreLookedAt() throws Exception {
    Files.writeString(input.resolve("a.csv"), "id,body\n1,one\n", StandardCharsets.UTF_8);
    String[] options = {
      "--input", input.toString(), "--format", "csv", "--text-column", "body", "--output", output.toString(), "--fail-threshold", "1", "--stream", "--checkpoint",
      folder.resolve("checkpoint").toString()
    };
    assertThat(run(new SummarizeApp(), options).code()).isZero();
    Files.writeString(input.resolve("b 1%.csv"), "id,body\n2,two\n3,\"three\n4,four\n", StandardCharsets.UTF_8);
    Files.writeString(input.resolve("c.csv"), "id,body\n5,\"five\n and more\"\n", StandardCharsets.UTF_8);
    Run run = run(new SummarizeApp(), options);
    assertThat(run.code()).as(run.text()).isZero();
    assertThat(errors()).hasSize(2).allMatch(error -> error.equals("Line 3 of file:" + input + "/b 1%.csv has a quote that is not closed where its value ends"));
    assertThat(engine.calls()).isEqualTo(2);
  }

  @Test
  void aStreamAndABatchDoNotShareAFolder() throws Exception {
    lines(input.resolve("a.jsonl"), 0, 10);
    summarize("--id-column", "id");
    Run stream = stream(output);
    assertThat(stream.text()).contains("was written by a job without --stream, and readers would not see both");
    assertThat(stream.code()).isEqualTo(2);
    Path other = folder.resolve("streamed");
    assertThat(stream(other).code()).isZero();
    for (String mode : List.of("append", "overwrite", "resume")) {
      Run batch = between(input.toString(), other.toString(), "--id-column", "id", "--mode", mode);
      assertThat(batch.text()).contains("was written with --stream, and readers would not see both");
      assertThat(batch.code()).isEqualTo(2);
    }
    assertThat(stream(other).code()).isZero();
  }

  @Test
  void rowsWithOtherColumnsAreNotPutBesideTheOld() throws Exception {
    lines(input.resolve("a.jsonl"), 0, 10);
    assertThat(summarize("--id-column", "id").code()).isZero();
    Path other = folder.resolve("streamed");
    assertThat(stream(other).code()).isZero();
    Files.writeString(input.resolve("b.jsonl"), "{\"id\": \"ten\", \"body\": \"text\"}\n");
    for (Run run : List.of(summarize("--id-column", "id", "--mode", "append"), stream(other))) {
      assertThat(run.text()).contains("The column 'id' is bigint in the output at ").contains(", and string in what this run would add");
      assertThat(run.code()).isEqualTo(2);
    }
  }

  @Test
  void aCheckpointGoesWithTheOutputThatItWasMadeFor() throws Exception {
    lines(input.resolve("a.jsonl"), 0, 10);
    assertThat(stream(output).code()).isZero();
    lines(input.resolve("b.jsonl"), 10, 12);
    Run elsewhere = stream(folder.resolve("other"));
    assertThat(elsewhere.text()).contains("checkpoint is of another output than " + folder.resolve("other") + "; name that one, or another --checkpoint").hasLineCount(1);
    assertThat(elsewhere.code()).isEqualTo(2);
    Files.move(folder.resolve("checkpoint"), folder.resolve("old"));
    // new, and then the one of another stream
    for (int i = 0; i < 2; i++) {
      Run without = stream(output);
      assertThat(without.text()).contains("The output at " + output + " was written with another checkpoint than ").hasLineCount(1);
      assertThat(without.code()).isEqualTo(2);
      if (i == 0) {
        assertThat(stream(folder.resolve("other")).code()).isZero();
      }
    }
    FileSystem.getLocal(new Configuration()).delete(new org.apache.hadoop.fs.Path(folder.resolve("checkpoint").toString()), true);
    Files.move(folder.resolve("old"), folder.resolve("checkpoint"));
    assertThat(stream(output).code()).isZero();
    assertThat(ids()).isEqualTo(IntStream.range(0, 12).boxed().toList());
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

  @Test
  void aStreamWithoutAFileSaysWhatItLacks() {
    Run run = stream(output);
    assertThat(run.text()).contains("There is no file at " + input + " that says which columns there are").hasLineCount(1);
    assertThat(run.code()).isEqualTo(2);
  }

  @Test
  void aStreamWhoseRowsFailEnds() throws Exception {
    Files.writeString(input.resolve("a.jsonl"), "{\"id\": 1, \"body\": \"BAD\"}\n{\"id\": 2, \"body\": \"good\"}\n");
    Run run = stream(output);
    assertThat(run.text()).contains("1 of 2 rows of batch 0 failed, more than --fail-threshold 0.05");
    assertThat(run.code()).isEqualTo(1);
  }

  @Test
  void aTextThatEndsTheResultCanBeGiven() throws Exception {
    lines(input.resolve("a.jsonl"), 0, 1);
    assertThat(summarize("--stop", "END", "--stop", "##").code()).isZero();
    assertThat(engine.requests.getFirst().stop().stopSequences()).containsExactly("END", "##");
  }

  private void killAfter(int calls) {
    int start = engine.calls();
    TextGenerator some =
        request -> {
          if (engine.calls() - start >= calls) {
            SparkSession.active().sparkContext().cancelAllJobs();
          }
          return engine.submit(request);
        };
    ExecutorEngine.replaceFactory(settings -> some);
  }

  private Path lines(Path file, int from, int to) throws IOException {
    return Files.writeString(
        file, IntStream.range(from, to).mapToObj(i -> String.format(Locale.ROOT, "{\"id\": %1$d, \"body\": \"doc%1$d\"}", i)).collect(Collectors.joining("\n")));
  }

  private Run summarize(String... more) {
    return between(input.toString(), output.toString(), more);
  }

  private static Run between(String from, String to, String... more) {
    return run(
        new SummarizeApp(), Stream.concat(Stream.of("--input", from, "--format", "json", "--text-column", "body", "--output", to), Stream.of(more)).toArray(String[]::new));
  }

  private Run stream(Path to) {
    return between(input.toString(), to.toString(), "--stream", "--checkpoint", folder.resolve("checkpoint").toString(), "--id-column", "id");
  }

  private List<Row> read() throws IOException {
    try (SparkSession spark = SparkSession.builder().getOrCreate()) {
      return List.copyOf(spark.read().parquet(output.toString()).collectAsList());
    }
  }

  private List<Integer> ids() throws IOException {
    return read().stream().map(row -> ((Number) row.getAs("id")).intValue()).sorted().toList();
  }

  private List<String> errors() throws IOException {
    return read().stream().map(row -> row.<String>getAs("error")).filter(error -> error != null).toList();
  }

  private List<String> leftBehind() throws IOException {
    try (Stream<Path> files = Files.list(output)) {
      return new ArrayList<>(
          files.map(file -> file.getFileName().toString()).filter(name -> name.startsWith("_") && !name.equals("_SUCCESS") && !name.equals("_gemma_run.json")).toList());
    }
  }
}
