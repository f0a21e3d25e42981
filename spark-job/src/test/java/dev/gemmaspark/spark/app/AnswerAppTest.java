package dev.gemmaspark.spark.app;

import static dev.gemmaspark.spark.app.LocalApplication.run;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.FinishReason;
import dev.gemmaspark.engine.generation.GenerationFailure;
import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.GenerationResult;
import dev.gemmaspark.engine.generation.TokenUsage;
import dev.gemmaspark.spark.CountingGenerator;
import dev.gemmaspark.spark.app.LocalApplication.Run;
import dev.gemmaspark.spark.executor.EngineFactory;
import dev.gemmaspark.spark.executor.ExecutorEngine;
import dev.gemmaspark.spark.storage.FolderLock;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
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

/** Questions to answers, from run to run: with an engine that says what the test tells it to. */
class AnswerAppTest {
  private static final String INSTRUCTION =
      "Answer the question using only the passages below. Cite the passages you used by their numbers in square brackets. If the passages do not"
          + " contain the answer, say that the passages do not say.";

  @TempDir Path folder;
  private final List<String> prompts = Collections.synchronizedList(new ArrayList<>());
  private final Map<String, String> script = new TreeMap<>();
  private Path library;
  private Path questions;
  private Path output;

  @BeforeEach
  void settings() throws IOException {
    LocalApplication.configure(folder.resolve("cache"));
    ExecutorEngine.replaceFactory(settings -> this::say);
    library = Files.createDirectories(folder.resolve("library"));
    output = folder.resolve("answers");
    for (int i = 0; i < 12; i++) {
      document(i, String.format(Locale.ROOT, "Room R-70%02d is painted in color number %d.", i, i));
    }
    document(20, "Room R-7000 got a door that opens to the yard, and beside it a bell that rings when it is pulled.");
    document(21, "Room R-7000 got a window that looks over the river, and below it a lamp that nobody lights.");
    Files.createDirectory(folder.resolve("questions"));
    questions = folder.resolve("questions/q.jsonl");
    ask("What color has R-7000?", "What color has R-7001?", "What color has R-7002?", "What color has R-9999?", "The of and?", "Is R-7003 painted?");
  }

  @AfterEach
  void clear() {
    ExecutorEngine.replaceFactory(EngineFactory::gemma);
    LocalApplication.clear();
  }

  /** By the question; otherwise the first passage, cited. */
  private CompletableFuture<GenerationResult> say(GenerationRequest request) {
    String prompt = CountingGenerator.text(request);
    prompts.add(prompt);
    String question = prompt.substring(prompt.lastIndexOf("Question: ") + "Question: ".length());
    String first = prompt.substring(prompt.indexOf("[1] ") + 4, prompt.indexOf("\n\n", prompt.indexOf("[1] ")));
    String answer = script.getOrDefault(question, first + " [1]");
    return CompletableFuture.completedFuture(
        answer.equals("FAIL")
            ? new GenerationFailure(GenerationFailure.Code.INTERNAL, "so says the test")
            : new Completion(answer, FinishReason.STOP, new TokenUsage(20, 5, 0)));
  }

  private void document(int number, String text) throws IOException {
    Files.writeString(library.resolve(String.format(Locale.ROOT, "d%02d.md", number)), "# Document " + number + "\n\n" + text + "\n");
  }

  private void ask(String... texts) throws IOException {
    Files.writeString(
        questions,
        IntStream.range(0, texts.length).mapToObj(i -> String.format(Locale.ROOT, "{\"id\": %d, \"question\": \"%s\"}",
            i, texts[i])).collect(Collectors.joining("\n")));
  }

  private Run answer(String... more) {
    return run(new AnswerApp(), Stream.concat(
        Stream.of("--documents", library.toString(), "--questions", folder.resolve("questions").toString(), "--format", "json", "--output", output.toString()),
        Stream.of(more)).toArray(String[]::new));
  }

  private List<Row> answers() throws IOException {
    try (SparkSession spark = SparkSession.builder().getOrCreate()) {
      return List.copyOf(spark.read().parquet(output.toString()).orderBy("question_id").collectAsList());
    }
  }

  @Test
  void answersHaveTheirPassagesAndCitations() throws IOException {
    Run run = answer("--top-k", "3");
    assertThat(run.code()).as(run.text()).isZero();
    assertThat(run.text())
        .contains("14 documents with 14 passages: 14 new, 0 changed, 0 deleted, 0 failed; 8 of 8 shards built, version 1")
        .contains("6 questions: 4 answered, 2 without evidence, 0 failed; the model was asked 4 times, 0 were known");
    List<Row> rows = answers();
    assertThat(rows).hasSize(6);
    assertThat(rows.getFirst().schema()).isEqualTo(AnswerTable.SCHEMA);
    // the three passages about the room, the best first; the instruction, the passages, the question
    Row first = rows.getFirst();
    List<Row> retrieved = first.getList(5);
    assertThat(retrieved).extracting(row -> row.<String>getAs("doc_id")).containsExactlyInAnyOrder("d00.md", "d20.md", "d21.md");
    assertThat(retrieved).extracting(row -> row.<Integer>getAs("rank")).containsExactly(1, 2, 3);
    assertThat(retrieved.getFirst().<String>getAs("doc_id")).isEqualTo("d00.md");
    String prompt = prompts.stream().filter(each -> each.endsWith("Question: What color has R-7000?")).findFirst().orElseThrow();
    assertThat(prompt).startsWith(INSTRUCTION + "\n\n[1] Room R-7000 is painted in color number 0.\n\n[2] Room R-7000 ").contains("\n\n[3] Room R-7000 ");
    assertThat(first.<String>getAs("answer")).isEqualTo("Room R-7000 is painted in color number 0. [1]");
    assertThat(first.<String>getAs("answer_status")).isEqualTo("ANSWERED");
    Row citation = first.<Row>getList(4).getFirst();
    assertThat(citation.<Boolean>getAs("valid")).isTrue();
    String document = Files.readString(library.resolve("d00.md"));
    assertThat(document.substring(citation.getInt(2), citation.getInt(3))).isEqualTo("Room R-7000 is painted in color number 0.");
    assertThat(first.<String>getAs("answer").substring(citation.getInt(6), citation.getInt(7))).isEqualTo("Room R-7000 is painted in color number 0.");
    assertThat(first.<Integer>getAs("prompt_tokens")).isEqualTo(20);
    assertThat(first.<String>getAs("model_sha256")).hasSize(64);
    assertThat(first.<Boolean>getAs("truncated")).isFalse();
    // no document has that number; and nothing to look for
    for (int i : new int[] {3, 4}) {
      assertThat(rows.get(i).<String>getAs("answer_status")).isEqualTo("NO_EVIDENCE");
      assertThat(rows.get(i).isNullAt(2)).isTrue();
      assertThat(rows.get(i).getList(4)).isEmpty();
      assertThat(rows.get(i).isNullAt(10)).isTrue();
    }
    assertThat(output.resolve("_SUCCESS")).exists();
    JsonNode report = new ObjectMapper().readTree(output.resolve("_gemma_answers.json").toFile());
    assertThat(report.at("/counts/answered").asInt()).isEqualTo(4);
  }

  @Test
  void whatTheModelMakesUpIsTakenOut() throws IOException {
    script.put("What color has R-7000?", "It is red [9]. It says \"painted in gold\" [1]. It is number 0 [1].");
    script.put("What color has R-7001?", "The passages do not say.");
    script.put("What color has R-7002?", "FAIL");
    Run run = answer("--fail-threshold", "0.5");
    assertThat(run.code()).as(run.text()).isZero();
    List<Row> rows = answers();
    assertThat(rows.get(0).<String>getAs("answer")).isEqualTo("It is red. It says \"painted in gold\". It is number 0 [1].");
    assertThat(rows.get(0).<Row>getList(4)).extracting(row -> row.<Integer>getAs("marker") + " " + row.getAs("valid")).containsExactly("9 false", "1 false", "1 true");
    assertThat(rows.get(1).<String>getAs("answer_status")).isEqualTo("NO_EVIDENCE");
    assertThat(rows.get(2).<String>getAs("answer_status")).isEqualTo("ERROR");
    assertThat(rows.get(2).<String>getAs("error")).contains("so says the test");
    // what failed is asked again, and nothing else
    script.clear();
    prompts.clear();
    assertThat(answer().text()).contains("the model was asked 1 times, 3 were known");
    assertThat(answers().get(2).<String>getAs("answer_status")).isEqualTo("ANSWERED");
  }

  @Test
  void anAbstentionIsWhatThePromptTemplateSays() throws IOException {
    Path prompts = Files.createDirectory(folder.resolve("prompts"));
    System.setProperty("spark.gemma.promptDir", prompts.toString());
    Files.writeString(prompts.resolve("answer.txt"), "Antworte aus den Abschnitten. Wenn es dort nicht steht, schreibe: Das steht nicht da.\n");
    Run unknown = answer();
    assertThat(unknown.code()).isEqualTo(2);
    assertThat(unknown.text()).contains("The prompt template answer.txt of " + prompts).contains("'The passages do not say").contains("answer-abstention.txt");
    assertThat(this.prompts).isEmpty();
    Files.writeString(prompts.resolve("answer-abstention.txt"), "Das steht nicht da.\n");
    script.put("What color has R-7000?", "Das steht nicht da. [1]");
    script.put("What color has R-7001?", "The passages do not say.");
    assertThat(answer().code()).isZero();
    assertThat(answers()).extracting(row -> row.<String>getAs("answer_status")).startsWith("NO_EVIDENCE", "ANSWERED");
  }

  @Test
  void aQuestionThatWasNotAskedFailsTheRunAndIsNotWithoutEvidence() throws IOException {
    assertThat(answer("--top-k", "1").code()).isZero();
    ask(IntStream.range(0, 60).mapToObj(i -> String.format(Locale.ROOT, "Question number %d: what color has R-70%02d?", i, i % 12)).toArray(String[]::new));
    AtomicInteger asked = new AtomicInteger();
    ExecutorEngine.replaceFactory(
        settings -> request -> {
          if (asked.getAndIncrement() == 50) {
            loseSlices();
          }
          return say(request);
        });
    Run run = answer("--top-k", "1");
    assertThat(run.code()).as(run.text()).isEqualTo(1);
    assertThat(run.text()).contains("The model was not asked").contains("of the questions that it should have been").contains("Start the run again");
    assertThat(answers()).hasSize(6);
    ExecutorEngine.replaceFactory(settings -> this::say);
    assertThat(answer("--top-k", "1").code()).isZero();
    assertThat(answers()).hasSize(60).allMatch(row -> row.<String>getAs("answer_status").equals("ANSWERED"));
  }

  /** As a disk does that fails: what was said so far is gone. */
  private void loseSlices() {
    try (Stream<Path> files = Files.list(output.resolve("_gemma_said"))) {
      for (Path file : files.filter(each -> each.toString().contains("part-")).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void aRowWithoutAQuestionIsAnErrorAndCounts() throws IOException {
    Files.writeString(questions, "{\"id\": 1, \"question\": \"What color has R-7000?\"}\n{\"id\": 2, \"question\": null}\n");
    Run few = answer();
    assertThat(few.code()).isEqualTo(1);
    assertThat(few.text()).contains("1 of 2 questions cannot be read, more than --fail-threshold 0.05").contains("the row has no question");
    assertThat(prompts).isEmpty();
    Run run = answer("--fail-threshold", "0.5");
    assertThat(run.code()).as(run.text()).isZero();
    assertThat(run.text()).contains("2 questions: 1 answered, 0 without evidence, 1 failed");
    assertThat(answers().get(1).<String>getAs("answer_status")).isEqualTo("ERROR");
    assertThat(answers().get(1).<String>getAs("error")).isEqualTo("the row has no question");
    Files.writeString(questions, "{\"id\": 1, \"question\": \"What color has R-7000?\"}\n{\"id\": 2, \"question\": \"What\n");
    assertThat(answer("--fail-threshold", "0.5").code()).isZero();
    assertThat(answers()).hasSize(2).extracting(row -> row.<String>getAs("error")).containsExactlyInAnyOrder(null, "the record cannot be read as json");
  }

  @Test
  void questionsThatDoNotFitTheirFormatOrEncodingFailAndAreNotAsked() throws IOException {
    Path csv = folder.resolve("q.csv");
    String[] arguments = {
      "--documents", library.toString(), "--format", "csv", "--top-k", "1", "--fail-threshold", "1", "--output", output.toString(), "--questions", csv.toString()
    };
    Files.write(csv, "id,question\n1,What color has R-7000?\n2,What color has R-7001?,more\n3,R-7002 and caf\u00e9?\n".getBytes(Charset.forName("windows-1252")));
    Run run = run(new AnswerApp(), arguments);
    assertThat(run.text()).contains("3 questions: 1 answered, 0 without evidence, 2 failed; the model was asked 1 times");
    assertThat(answers())
        .extracting(row -> row.<String>getAs("error"))
        .containsExactly(
            null, "the record cannot be read as csv",
            "the record is in another encoding than it was read in: column 'question' has U+FFFD; name it with --input-option encoding=windows-1252, say, or encoding=UTF-8 if"
                + " that is what is written there");
    Files.writeString(csv, "id,question\n1,\"What color has R-7000?\n2,What color has R-7001?\n");
    Run unbalanced = run(new AnswerApp(), arguments);
    assertThat(unbalanced.text()).contains("Line 2 of file:" + csv + " has a quote that is not closed where its value ends");
    assertThat(unbalanced.code()).isEqualTo(2);

    Files.write(csv, "id;question\n3;R-7002, and the caf\u00e9?\n".getBytes(Charset.forName("windows-1252")));
    Run right =
        run(
            new AnswerApp(),
            Stream.concat(Stream.of(arguments), Stream.of("--input-option", "delimiter=;", "--input-option", "encoding=windows-1252")).toArray(String[]::new));
    assertThat(right.text()).contains("1 questions: 1 answered");
    assertThat(answers().getFirst().<String>getAs("question")).isEqualTo("R-7002, and the caf\u00e9?");
  }

  @Test
  void aBatchOfAStreamInWhichTooManyFailIsDoneAgain() throws IOException {
    script.put("What color has R-7000?", "FAIL");
    String checkpoint = folder.resolve("checkpoint").toString();
    Run run = answer("--stream", "--checkpoint", checkpoint);
    assertThat(run.code()).isEqualTo(1);
    assertThat(run.text()).contains("1 of 6 questions of a batch failed, more than --fail-threshold 0.05");
    script.clear();
    assertThat(answer("--stream", "--checkpoint", checkpoint).code()).isZero();
    assertThat(answers()).hasSize(6).noneMatch(row -> row.<String>getAs("answer_status").equals("ERROR"));
  }

  @Test
  void tooManyFailuresFailTheRun() throws IOException {
    script.put("What color has R-7000?", "FAIL");
    script.put("What color has R-7001?", "FAIL");
    Run run = answer();
    assertThat(run.code()).isEqualTo(1);
    assertThat(run.text()).contains("2 of 4 questions failed, more than --fail-threshold 0.05");
    assertThat(output.resolve("_SUCCESS")).doesNotExist();
    // no question that was not asked is taken for one without evidence
    try (Stream<Path> files = Files.list(output)) {
      assertThat(files).noneMatch(file -> file.toString().endsWith(".parquet"));
    }
  }

  @Test
  void aSecondRunAsksOnlyWhatHasChanged() throws IOException {
    assertThat(answer("--top-k", "1").code()).isZero();
    List<Row> before = answers();
    prompts.clear();
    assertThat(answer("--top-k", "1", "--mode", "errorifexists").text()).contains("There are answers at").contains("--mode overwrite");
    Run nothing = answer("--top-k", "1");
    assertThat(nothing.text()).contains("0 of 8 shards built").contains("the model was asked 0 times, 4 were known");
    assertThat(prompts).isEmpty();
    // to the run and the time of those that the model was asked
    assertThat(answers().stream().filter(row -> !row.isNullAt(10)).toList()).isEqualTo(before.stream().filter(row -> !row.isNullAt(10)).toList());

    document(1, "Room R-7001 is now yellow.");
    Run changed = answer("--top-k", "1");
    assertThat(changed.text()).contains("0 new, 1 changed, 0 deleted, 0 failed; 1 of 8 shards built").contains("the model was asked 1 times, 3 were known");
    assertThat(answers().get(1).<String>getAs("answer")).isEqualTo("Room R-7001 is now yellow. [1]");

    Files.delete(library.resolve("d02.md"));
    prompts.clear();
    assertThat(answer("--top-k", "1").text()).contains("1 deleted").contains("the model was asked 0 times, 3 were known");
    Row gone = answers().get(2);
    assertThat(gone.<String>getAs("answer_status")).isEqualTo("NO_EVIDENCE");
    assertThat(gone.getList(4)).isEmpty();
    assertThat(gone.getList(5)).isEmpty();

    // another question, other parameters, another instruction
    ask("What color has R-7000?", "What color has R-7005?");
    assertThat(answer("--top-k", "1").text()).contains("2 questions: 2 answered").contains("the model was asked 1 times, 1 were known");
    assertThat(answer("--top-k", "1", "--temperature", "0.5").text()).contains("the model was asked 2 times");
    // what is not of use any more is not kept
    try (SparkSession spark = SparkSession.builder().getOrCreate()) {
      assertThat(spark.read().parquet(output.resolve("_gemma_said").toString()).count()).isEqualTo(2);
    }
  }

  @Test
  void aRunThatWasKilledIsGoneOnWith() throws IOException {
    ask(IntStream.range(0, 12).mapToObj(i -> String.format(Locale.ROOT, "Which color has R-70%02d, tell me?", i)).toArray(String[]::new));
    List<String> more = new ArrayList<>();
    for (int i = 0; i < 120; i++) {
      more.add(String.format(Locale.ROOT, "Question number %d: what color has R-70%02d?", i, i % 12));
    }
    ask(more.toArray(String[]::new));
    ExecutorEngine.replaceFactory(
        settings -> request -> {
          if (prompts.size() >= 60) {
            SparkSession.active().sparkContext().cancelAllJobs();
          }
          return say(request);
        });
    assertThat(answer("--top-k", "1").code()).isEqualTo(1);
    assertThat(output.resolve("_SUCCESS")).doesNotExist();
    int first = prompts.size();
    assertThat(first).isBetween(60, 100);
    ExecutorEngine.replaceFactory(settings -> this::say);
    Run again = answer("--top-k", "1");
    assertThat(again.code()).as(again.text()).isZero();
    assertThat(answers()).hasSize(120).allMatch(row -> row.<String>getAs("answer_status").equals("ANSWERED"));
    // slices of sixteen, of which two were under way
    assertThat(prompts.size()).isBetween(120, 120 + 48);
  }

  @Test
  void twoRunsAtOnceAreOne() throws IOException {
    try (FolderLock other = FolderLock.acquire(FileSystem.getLocal(new Configuration()), new org.apache.hadoop.fs.Path(output.toString()), "answer", "run-7")) {
      Run second = answer();
      assertThat(second.code()).isEqualTo(2);
      assertThat(second.text()).contains("Another run is at work in").contains("'answer' on ").contains("run run-7");
      assertThat(prompts).isEmpty();
      other.requireHeld();
    }
    assertThat(answer().code()).isZero();
  }

  @Test
  void evidenceThatDoesNotFitIsCutFromItsEnd() throws IOException {
    for (int i = 0; i < 3; i++) {
      String filler = ("The wall number " + i + " of the hall is a wall of many stones. ").repeat(25);
      Files.writeString(library.resolve("long" + i + ".txt"), "R-8000 is the hall. " + filler);
    }
    ask("What is R-8000?");
    Run run = answer("--top-k", "3", "--max-tokens", "200");
    assertThat(run.code()).as(run.text()).isZero();
    Row row = answers().getFirst();
    assertThat(row.<Boolean>getAs("truncated")).isTrue();
    assertThat(row.getList(5)).hasSize(3);
    assertThat(prompts.getFirst()).contains("[1] R-8000 is the hall.").doesNotContain("[3] ");
  }

  @Test
  void questionsThatComeAsFilesAreAnsweredOnce() throws IOException {
    String checkpoint = folder.resolve("checkpoint").toString();
    assertThat(answer("--stream", "--checkpoint", checkpoint).code()).isZero();
    assertThat(prompts).hasSize(4);
    Files.writeString(folder.resolve("questions/more.jsonl"), "{\"id\": 100, \"question\": \"Color of R-7004?\"}");
    assertThat(answer("--stream", "--checkpoint", checkpoint).code()).isZero();
    assertThat(prompts).hasSize(5);
    assertThat(answers()).hasSize(7).extracting(row -> row.<String>getAs("question_id")).contains("100");
  }

  @Test
  void anIndexOfItsOwnServesWithoutTheDocuments() throws IOException {
    String index = folder.resolve("index").toString();
    Run indexed = run(new IndexApp(), "--documents", library.toString(), "--index", index, "--shards", "3");
    assertThat(indexed.code()).as(indexed.text()).isZero();
    assertThat(indexed.text()).contains("3 of 3 shards built, version 1");
    Run answered =
        run(
            new AnswerApp(), "--index", index, "--questions", folder.resolve("questions").toString(), "--format", "json", "--output", output.toString());
    assertThat(answered.code()).as(answered.text()).isZero();
    assertThat(answers()).hasSize(6);
    assertThat(run(new IndexApp(), "--documents", library.toString(), "--index", index).text()).contains("shards was 3, and is 8");
  }

  @Test
  void evaluationTellsRetrievalAndGenerationApart() throws IOException {
    script.put("What color has R-7001?", "A wrong color. [1]");
    script.put("What color has R-7002?", "Room R-7002 is painted in color number 2.");
    script.put("Is R-7003 painted?", "The passages do not say.");
    assertThat(answer("--top-k", "3").code()).isZero();
    Path known =
        Files.writeString(
            folder.resolve("known.jsonl"),
            """
            {"id": 0, "question": "What color has R-7000?", "answer": "Room R-7000 is painted in color number 0.", "source": "d00.md", "missing": null}
            {"id": 1, "question": "What color has R-7001?", "answer": "Room R-7001 is painted in color number 1.", "source": "d01.md", "missing": null}
            {"id": 2, "question": "What color has R-7002?", "answer": "room R-7002 is painted in color number 2", "source": "d09.md", "missing": null}
            {"id": 3, "question": "What color has R-9999?", "answer": "None.", "source": null, "missing": "subject"}
            {"id": 5, "question": "Is R-7003 painted?", "answer": "None.", "source": null, "missing": "fact"}
            """);
    Run evaluated = run(new EvaluateApp(), "--answers", output.toString(), "--questions", known.toString(), "--format", "json", "--report", folder.resolve("report.json").toString());
    assertThat(evaluated.code()).as(evaluated.text()).isZero();
    JsonNode report = new ObjectMapper().readTree(folder.resolve("report.json").toFile());
    assertThat(report.at("/questions/all").asInt()).isEqualTo(5);
    assertThat(report.at("/recall@1/answerable").asDouble()).isEqualTo(2 / 3.0);
    assertThat(report.at("/exact, of those/answerable").asDouble()).isEqualTo(0.5);
    assertThat(report.at("/all citations right, of those/answerable").asDouble()).isEqualTo(1);
    assertThat(report.at("/citation recall/answerable").asDouble()).isEqualTo(2 / 3.0);
    assertThat(report.at("/abstained/missing: subject").asDouble()).isEqualTo(1);
    assertThat(report.at("/abstained/missing: fact").asDouble()).isEqualTo(1);
    assertThat(report.at("/abstained/answerable").asDouble()).isZero();
    assertThat(evaluated.text()).contains("missing: subject").containsPattern("recall@1 +0\\.667");
    Files.writeString(folder.resolve("twice.jsonl"), Files.readString(known) + Files.readString(known));
    assertThat(run(new EvaluateApp(), "--answers", output.toString(), "--questions", folder.resolve("twice.jsonl").toString(), "--format", "json").text())
        .contains("There is more than one question '0'");
    // the right passage in front: the answer to question 2 is then that of document 9
    prompts.clear();
    Run gold =
        run(new EvaluateApp(), "--answers", output.toString(), "--questions", known.toString(), "--format", "json", "--passages", "gold", "--report", folder.resolve("gold.json").toString());
    assertThat(gold.code()).as(gold.text()).isZero();
    assertThat(prompts).hasSize(3).anyMatch(prompt -> prompt.contains("[1] Room R-7009 is painted") && prompt.endsWith("R-7002?"));
    assertThat(new ObjectMapper().readTree(folder.resolve("gold.json").toFile()).at("/recall@1/answerable").asDouble()).isEqualTo(1);
  }

  @Test
  void tablesOfDocumentsAndOfKnownAnswersAreReadAsTheyAreWritten() throws IOException {
    Path documents = folder.resolve("documents.csv");
    Files.write(documents, "id;text\n1;Room R-7000 is a caf\u00e9.\n".getBytes(Charset.forName("windows-1252")));
    String[] arguments = {"--documents", documents.toString(), "--documents-format", "csv", "--documents-option", "delimiter=;", "--index", folder.resolve("index").toString()};
    Run wrong = run(new IndexApp(), arguments);
    assertThat(wrong.text()).contains("Of 1 records of " + documents + " (--documents) not all is readable; of one, the record is in another encoding").hasLineCount(1);
    assertThat(wrong.code()).isEqualTo(2);
    Run right = run(new IndexApp(), Stream.concat(Stream.of(arguments), Stream.of("--documents-option", "encoding=windows-1252")).toArray(String[]::new));
    assertThat(right.text()).contains("1 documents with 1 passages");
    Files.writeString(documents, "id;text\n1;\"Room R-7000 is a bar.\n2;No room\n");
    assertThat(run(new IndexApp(), arguments).text()).contains("Line 2 of file:" + documents + " has a quote that is not closed");

    answer();
    Path known = Files.writeString(folder.resolve("known.jsonl"), "{\"id\": 1, \"question\": \"What color has R-7000?\", \"source\": \"d00.md\"}\n{\"id\": 2, \"quest\n");
    Run broken = run(new EvaluateApp(), "--answers", output.toString(), "--questions", known.toString(), "--format", "json");
    assertThat(broken.text()).contains("Of 1 records of " + known + " (--questions) not all is readable; of one, the record cannot be read as json").hasLineCount(1);
    assertThat(broken.code()).isEqualTo(2);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "--questions q --output o | Which documents? Name them with --documents, or an index of them with --index",
    "--index i --questions q --output o --top-k 0 | --top-k is 0; it must be between 1 and 100",
    "--index i --questions q --output o --bm25-b 2 | --bm25-b between 0 and 1",
    "--index i --questions nowhere --output o | There is no input at nowhere; check --questions",
    "--index i --questions q --output o --mode append | --mode append does not go with answers",
    "--index i --output o | Missing required option: '--questions=PATH'",
  })
  void wrongUsageIsSaid(String options, String message) {
    Run run = run(new AnswerApp(), options.split(" "));
    assertThat(run.text()).contains(message);
    assertThat(run.code()).isEqualTo(2);
  }

  @Test
  void questionsThatShareAnIdAreRefusedBeforeAnyWorkAndEqualOnesAreNot() throws IOException {
    String row = "{\"id\": 1, \"question\": \"What color has R-7000?\"}\n";
    Files.writeString(questions, row + row.replace("7000", "7001"));
    Run run = answer();
    assertThat(run.text()).isEqualTo("The column 'id' (--id-column) is '1' in 2 rows with different questions; every question needs an id of its own" + System.lineSeparator());
    assertThat(run.code()).isEqualTo(2);
    assertThat(output.resolve(AnswerApp.INDEX)).doesNotExist();
    Files.writeString(questions, row + row);
    assertThat(answer().text()).contains("2 questions: 2 answered, 0 without evidence, 0 failed; the model was asked 1 times");
    assertThat(answers()).hasSize(2);
  }

  @Test
  void anIndexOfWhichNoDocumentCanBeReadIsNotMade() throws IOException {
    Path scans = Files.createDirectory(folder.resolve("scans"));
    for (int i = 0; i < 7; i++) {
      Files.writeString(scans.resolve("s" + i + ".png"), "x");
    }
    String[] arguments = {"--documents", scans.toString(), "--index", folder.resolve("index").toString()};
    Run none = run(new IndexApp(), arguments);
    assertThat(none.text())
        .startsWith("Of the 7 documents at " + scans + " not one could be read, and the index at " + folder.resolve("index") + " is left as it was; of s0.png, files like this are not read;")
        .contains("; of s2.png, ")
        .endsWith("; and 4 more" + System.lineSeparator())
        .hasLineCount(1);
    assertThat(none.code()).isEqualTo(2);
    Files.writeString(scans.resolve("good.md"), "Room R-7000 is blue.");
    Run one = run(new IndexApp(), arguments);
    assertThat(one.text()).contains("1 of 8 documents with 1 passages: 8 new, 0 changed, 0 deleted, 7 failed;").contains("  s0.png: UNSUPPORTED, ").contains("  and 2 more");
    assertThat(one.code()).isZero();
    Files.delete(scans.resolve("good.md"));
    Run gone = run(new IndexApp(), arguments);
    assertThat(gone.text()).contains("not one could be read").contains("; if its readable documents are gone, say --allow-shrink");
    assertThat(gone.code()).isEqualTo(2);
    // what was built for the two that failed is not left behind
    try (Stream<Path> shards = Files.list(folder.resolve("index/shards"))) {
      assertThat(shards.filter(file -> file.toString().endsWith(".zip"))).hasSize(8);
    }
    Run shrunk = run(new IndexApp(), Stream.concat(Stream.of(arguments), Stream.of("--allow-shrink")).toArray(String[]::new));
    assertThat(shrunk.text()).contains("0 of 7 documents with 0 passages: 0 new, 0 changed, 1 deleted, 7 failed;");
    assertThat(shrunk.code()).isZero();
  }

  @Test
  void aQuestionThatLeavesNoRoomForAPassageIsAnError() throws IOException {
    ask("What color has R-7000?", "What color has R-7001? " + "Which color? ".repeat(4000));
    Run run = answer("--fail-threshold", "0.9");
    assertThat(run.code()).as(run.text()).isZero();
    assertThat(answers()).extracting(row -> row.<String>getAs("answer_status")).containsExactly("ANSWERED", "ERROR");
    assertThat(answers().getLast().<String>getAs("error")).startsWith("the question and its best passage do not fit");
    assertThat(prompts).hasSize(1);
  }

  @Test
  void aDamagedIndexIsMadeAnewWhereThatIsSaid() throws IOException {
    String[] arguments = {"--documents", library.toString(), "--index", folder.resolve("index").toString()};
    assertThat(run(new IndexApp(), arguments).code()).isZero();
    try (Stream<Path> parts = Files.list(folder.resolve("index/v=1/documents"))) {
      for (Path part : parts.filter(file -> file.toString().endsWith(".parquet")).toList()) {
        Files.writeString(part, "garbage");
      }
    }
    Run damaged = run(new IndexApp(), arguments);
    assertThat(damaged.text()).contains("The index at " + folder.resolve("index") + " is damaged: the list of its documents, ").contains("say --rebuild");
    assertThat(damaged.code()).isEqualTo(2);
    Run anew = run(new IndexApp(), Stream.concat(Stream.of(arguments), Stream.of("--rebuild")).toArray(String[]::new));
    assertThat(anew.text()).contains("14 documents with 14 passages: 14 new, ");
    assertThat(anew.code()).isZero();
  }

  @Test
  void everyQuestionNeedsAnIdWhereThereAreIds() throws IOException {
    Files.writeString(questions, "{\"id\": 1, \"question\": \"What color has R-7000?\"}\n{\"question\": \"What color has R-7001?\"}\n");
    Run run = answer();
    assertThat(run.text()).contains("The column 'id' (--id-column) is NULL in 1 rows; every question needs an id of its own");
    assertThat(run.code()).isEqualTo(2);
    Files.writeString(questions, "{\"id\": 1, \"question\": \"What color has R-7000?\"}\n{\"id\": 1, \"question\": null}\n");
    assertThat(answer().text()).contains("is '1' in 2 rows with different questions");
    assertThat(prompts).isEmpty();
  }

  @Test
  void aFileInTheWayOfAFolderIsWrongUsage() throws IOException {
    String place = Files.writeString(folder.resolve("file"), "mine").resolve("x").toString();
    output = Path.of(place);
    for (Run run : List.of(run(new IndexApp(), "--documents", library.toString(), "--index", place), answer("--index", folder.resolve("index").toString()))) {
      assertThat(run.text()).contains("There is a file at " + folder.resolve("file") + ", so there is no folder " + place + "; name another as --").hasLineCount(1);
      assertThat(run.code()).isEqualTo(2);
    }
  }

  @Test
  void foldersOfOthersAreLeftAlone() throws IOException {
    Files.createDirectories(output);
    Files.writeString(output.resolve("mine.parquet"), "x");
    Run run = answer();
    assertThat(run.text()).contains("There are files at").contains("that 'answer' did not write");
    assertThat(run.code()).isEqualTo(2);
    assertThat(output.resolve("mine.parquet")).hasContent("x");
    // refused before its documents are read
    assertThat(output.resolve(AnswerApp.INDEX)).doesNotExist();
    Run none =
        run(new AnswerApp(), "--index", folder.resolve("none").toString(), "--questions", questions.toString(), "--format", "json", "--output", folder.resolve("o").toString());
    assertThat(none.text()).contains("There is no index at").contains("gemma-submit index");
  }
}
