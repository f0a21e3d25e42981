package dev.gemmaspark.spark.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.spark.rag.Hashes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code answer} and {@code index} in processes that are killed, again and again. */
class KilledAnswersIT {
  private static final int QUESTIONS = 80;
  private static final int DOCUMENTS = 40;

  /** Documents, before each run. */
  private static final int CHANGED = 4;

  /** Of slices of sixteen rows, of which two are under way. */
  private static final int CALLS_IN_FLIGHT = 32;

  @TempDir Path folder;

  @AfterEach
  void clear() {
    LocalApplication.clear();
  }

  private void document(Path library, int number, int edition) throws IOException {
    Files.createDirectories(library);
    Files.writeString(library.resolve(name(number)), String.format(Locale.ROOT, "Room R-70%02d has the color number %d.%n", number, edition));
  }

  private static String name(int document) {
    return String.format(Locale.ROOT, "d%02d.md", document);
  }

  private List<String> left(Path place) throws IOException {
    try (Stream<Path> files = Files.walk(place)) {
      return files.map(file -> place.relativize(file).toString()).filter(name -> !name.endsWith(".crc")).sorted().toList();
    }
  }

  @Test
  void answersThatWerePaidForAreNotAskedAgainHoweverOftenTheRunIsKilled() throws Exception {
    Path library = folder.resolve("library");
    for (int i = 0; i < DOCUMENTS; i++) {
      document(library, i, i);
    }
    Path questions = folder.resolve("questions.jsonl");
    Files.writeString(
        questions,
        IntStream.range(0, QUESTIONS)
            .mapToObj(i -> String.format(Locale.ROOT, "{\"id\": %d, \"question\": \"Number %d: what color has R-70%02d?\"}", i, i, i % DOCUMENTS))
            .collect(Collectors.joining("\n")));
    Path output = folder.resolve("answers");
    KilledRuns runs = new KilledRuns(AnswerApp.class, folder.resolve("runs"));
    runs.measure(to -> answer(library, questions, to));
    int before = runs.calls().size();
    int chains = 0;
    List<String> arguments = answer(library, questions, output);
    while (runs.goOn()) {
      boolean killed = runs.kill(arguments);
      if (!killed || runs.isTimeToEnd()) {
        runs.run(arguments);
        chains++;
        int needed = before + chains * QUESTIONS;
        assertThat(runs.calls()).hasSizeBetween(needed, needed + runs.killed() * CALLS_IN_FLIGHT);
        requireAnswers(output, library);
        if (runs.goOn()) {
          FileSystem.getLocal(new Configuration()).delete(new org.apache.hadoop.fs.Path(output.toString()), true);
        }
      }
    }
    int asked = runs.calls().size();
    runs.run(arguments);
    assertThat(runs.calls()).hasSize(asked);
    requireAnswers(output, library);
  }

  private void requireAnswers(Path output, Path library) throws IOException {
    LocalApplication.configure(folder.resolve("cache"));
    try (SparkSession spark = SparkSession.builder().getOrCreate()) {
      List<Row> rows = spark.read().parquet(output.toString()).selectExpr("cast(question_id AS int) id", "answer", "answer_status").orderBy("id").collectAsList();
      assertThat(rows).extracting(row -> row.getInt(0)).containsExactlyElementsOf(IntStream.range(0, QUESTIONS).boxed().toList());
      assertThat(rows)
          .allSatisfy(row -> assertThat(row.getString(1)).isEqualTo(Files.readString(library.resolve(name(row.getInt(0) % DOCUMENTS))).strip() + " [1]"));
    }
    assertThat(left(output).stream().filter(name -> !name.startsWith("_gemma_index")))
        .allMatch(name -> name.matches("|_SUCCESS|_gemma_answers.json|_gemma_index|part-[^/]*|_gemma_said|_gemma_said/(part-[^/]*|_gemma_run.json|_SUCCESS)"));
    requireWhole(output.resolve("_gemma_index"));
  }

  @Test
  void anIndexIsThatOfItsDocumentsHoweverOftenItsRunsAreKilled() throws Exception {
    Path library = folder.resolve("library");
    for (int i = 0; i < DOCUMENTS; i++) {
      document(library, i, 0);
    }
    Path index = folder.resolve("index");
    KilledRuns runs = new KilledRuns(IndexApp.class, folder.resolve("runs"));
    runs.measure(to -> index(library, to));
    Random random = new Random(1);
    for (int edition = 100; runs.goOn(); edition++) {
      for (int i = 0; i < CHANGED; i++) {
        document(library, random.nextInt(DOCUMENTS), edition);
      }
      runs.kill(index(library, index));
      requireShards(index);
      if (runs.isTimeToEnd()) {
        runs.run(index(library, index));
        requireWhole(index);
        requireDocuments(index, library);
      }
    }
    Path questions = folder.resolve("questions.txt");
    Files.writeString(questions, IntStream.range(0, DOCUMENTS).mapToObj(i -> String.format(Locale.ROOT, "R-70%02d", i)).collect(Collectors.joining("\n")));
    new KilledRuns(AnswerApp.class, folder.resolve("runs"))
        .run(List.of("--index", index.toString(), "--questions", questions.toString(), "--format", "text", "--output", folder.resolve("answers").toString()));
    LocalApplication.configure(folder.resolve("cache"));
    try (SparkSession spark = SparkSession.builder().getOrCreate()) {
      List<String> answers = spark.read().parquet(folder.resolve("answers").toString()).orderBy("question").collectAsList().stream().map(row -> row.<String>getAs("answer")).toList();
      assertThat(answers).hasSize(DOCUMENTS);
      for (int i = 0; i < DOCUMENTS; i++) {
        assertThat(answers.get(i)).isEqualTo(Files.readString(library.resolve(name(i))).strip() + " [1]");
      }
    }
  }

  private static List<String> answer(Path library, Path questions, Path output) {
    return List.of("--documents", library.toString(), "--questions", questions.toString(), "--format", "json", "--top-k", "1", "--output", output.toString());
  }

  private static List<String> index(Path library, Path index) {
    return List.of("--documents", library.toString(), "--index", index.toString(), "--shards", "4");
  }

  /** Of each version that says that it is whole. */
  private void requireShards(Path index) throws IOException {
    if (Files.exists(index)) {
      for (String name : left(index)) {
        if (name.endsWith("manifest.json")) {
          Matcher shard = Pattern.compile("shard-[^\"]*\\.zip").matcher(Files.readString(index.resolve(name)));
          while (shard.find()) {
            assertThat(index.resolve("shards").resolve(shard.group())).exists();
          }
        }
      }
    }
  }

  private void requireDocuments(Path index, Path library) throws IOException {
    int newest =
        left(index).stream().filter(name -> name.matches("v=\\d+")).mapToInt(name -> Integer.parseInt(name.substring("v=".length()))).max().orElseThrow();
    LocalApplication.configure(folder.resolve("cache"));
    try (SparkSession spark = SparkSession.builder().getOrCreate()) {
      List<Row> rows = spark.read().parquet(index.resolve("v=" + newest + "/documents").toString()).selectExpr("doc_id", "content_sha256").collectAsList();
      assertThat(rows).hasSize(DOCUMENTS).allSatisfy(row -> assertThat(row.getString(1)).isEqualTo(Hashes.sha256(Files.readString(library.resolve(row.getString(0))))));
    }
  }

  /** Versions that are whole, and the shards that they name. */
  private void requireWhole(Path index) throws IOException {
    String manifests = "";
    List<String> names = left(index);
    for (String name : names) {
      if (name.endsWith("manifest.json")) {
        manifests += Files.readString(index.resolve(name));
      }
    }
    for (String name : names) {
      assertThat(name).matches("|shards|shards/shard-[^/]*\\.zip|v=\\d+|v=\\d+/manifest.json|v=\\d+/documents|v=\\d+/documents/(part-[^/]*|_SUCCESS)");
      if (name.endsWith(".zip")) {
        assertThat(manifests).contains(name.substring("shards/".length()));
      }
      if (name.matches("v=\\d+")) {
        assertThat(names).contains(name + "/manifest.json");
      }
    }
  }
}
