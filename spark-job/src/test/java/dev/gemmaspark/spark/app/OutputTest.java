package dev.gemmaspark.spark.app;

import static dev.gemmaspark.spark.app.LocalApplication.run;
import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.FinishReason;
import dev.gemmaspark.engine.generation.TextGenerator;
import dev.gemmaspark.engine.generation.TokenUsage;
import dev.gemmaspark.spark.app.LocalApplication.Run;
import dev.gemmaspark.spark.executor.ExecutorEngine;
import dev.gemmaspark.spark.storage.FolderLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What becomes of what was there: the input, the output of before, rows that failed. */
class OutputTest extends SummarizeJobs {
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
}
