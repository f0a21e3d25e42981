package dev.gemmaspark.spark.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.FinishReason;
import dev.gemmaspark.engine.generation.TextGenerator;
import dev.gemmaspark.engine.generation.TokenUsage;
import dev.gemmaspark.spark.CountingGenerator;
import dev.gemmaspark.spark.executor.ExecutorEngine;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code answer} and {@code index} in processes that are killed, at random moments of their work, again and again. {@code -Dgemma.kills=N}
 * kills more often, {@code -Dgemma.kills.seed=N} at other moments.
 */
class KilledAnswersIT {
  private static final int KILLS = Integer.getInteger("gemma.kills", 6);
  private static final long SEED = Long.getLong("gemma.kills.seed", 14);
  private static final int QUESTIONS = 120;
  private static final int DOCUMENTS = 40;

  /** Of slices of sixteen rows, of which two are under way. */
  private static final int CALLS_IN_FLIGHT = 32;

  @TempDir Path folder;
  private final RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(SEED);

  /** What is killed: an application whose model writes down what it is asked. */
  public static void main(String[] arguments) {
    Path calls = Path.of(arguments[0]);
    LocalApplication.configure(Path.of(arguments[1]));
    TextGenerator model =
        request -> {
          String prompt = CountingGenerator.text(request);
          String first = prompt.substring(prompt.indexOf("[1] ") + 4, prompt.indexOf("\n\n", prompt.indexOf("[1] ")));
          try {
            Files.writeString(calls, prompt.substring(prompt.lastIndexOf("Question: ")) + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
          return CompletableFuture.completedFuture(new Completion(first + " [1]", FinishReason.STOP, new TokenUsage(20, 5, 0)));
        };
    ExecutorEngine.replaceFactory(settings -> model);
    Application application = arguments[2].equals("answer") ? new AnswerApp() : new IndexApp();
    System.exit(Application.execute(application, new PrintWriter(System.out, true, StandardCharsets.UTF_8), Arrays.copyOfRange(arguments, 3, arguments.length)));
  }

  @AfterEach
  void clear() {
    LocalApplication.clear();
  }

  private Process start(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream().filter(each -> each.startsWith("--") || each.startsWith("-Dio.")).forEach(command::add);
    command.addAll(List.of("-Xmx700m", "-XX:TieredStopAtLevel=1", "-Dlog4j2.configurationFile=../conf/log4j2.properties", "-cp", System.getProperty("java.class.path")));
    command.addAll(List.of(KilledAnswersIT.class.getName(), folder.resolve("calls").toString(), folder.resolve("cache").toString()));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(folder.resolve("out").toFile()).start();
  }

  /** Kills a run some time after it has taken its lock; false if it has ended before. */
  private boolean kill(Path lock, int mostMillis, String... arguments) throws Exception {
    Process process = start(arguments);
    while (process.isAlive() && !Files.exists(lock)) {
      process.waitFor(10, TimeUnit.MILLISECONDS);
    }
    boolean ended = process.waitFor(random.nextInt(mostMillis), TimeUnit.MILLISECONDS);
    // SIGKILL
    process.destroyForcibly().waitFor();
    return !ended;
  }

  private void runToItsEnd(String... arguments) throws Exception {
    int code = start(arguments).waitFor();
    assertThat(code).as(Files.readString(folder.resolve("out"))).isZero();
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
    String[] arguments = {"answer", "--documents", library.toString(), "--questions", questions.toString(), "--format", "json", "--top-k", "1", "--output", output.toString()};
    int kills = 0;
    for (int i = 0; i < 2 * KILLS && kills < KILLS; i++) {
      if (kill(output.resolve("_gemma_lock"), 9_000, arguments)) {
        kills++;
      }
    }
    assertThat(kills).isPositive();
    runToItsEnd(arguments);
    assertThat(Files.readAllLines(folder.resolve("calls"))).hasSizeBetween(QUESTIONS, QUESTIONS + kills * CALLS_IN_FLIGHT);
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
    int asked = Files.readAllLines(folder.resolve("calls")).size();
    runToItsEnd(arguments);
    assertThat(Files.readAllLines(folder.resolve("calls"))).hasSize(asked);
  }

  @Test
  void anIndexIsThatOfItsDocumentsHoweverOftenItsRunsAreKilled() throws Exception {
    Path library = folder.resolve("library");
    for (int i = 0; i < DOCUMENTS; i++) {
      document(library, i, 0);
    }
    Path index = folder.resolve("index");
    String[] arguments = {"index", "--documents", library.toString(), "--index", index.toString(), "--shards", "4"};
    int kills = 0;
    for (int i = 0; i < 2 * KILLS && kills < KILLS; i++) {
      document(library, random.nextInt(DOCUMENTS), 100 + i);
      if (kill(index.resolve("_gemma_lock"), 5_000, arguments)) {
        kills++;
      }
    }
    assertThat(kills).isPositive();
    runToItsEnd(arguments);
    requireWhole(index);
    Path questions = folder.resolve("questions.txt");
    Files.writeString(questions, IntStream.range(0, DOCUMENTS).mapToObj(i -> String.format(Locale.ROOT, "R-70%02d", i)).collect(Collectors.joining("\n")));
    runToItsEnd("answer", "--index", index.toString(), "--questions", questions.toString(), "--format", "text", "--output", folder.resolve("answers").toString());
    LocalApplication.configure(folder.resolve("cache"));
    try (SparkSession spark = SparkSession.builder().getOrCreate()) {
      List<String> answers = spark.read().parquet(folder.resolve("answers").toString()).orderBy("question").collectAsList().stream().map(row -> row.<String>getAs("answer")).toList();
      assertThat(answers).hasSize(DOCUMENTS);
      for (int i = 0; i < DOCUMENTS; i++) {
        assertThat(answers.get(i)).isEqualTo(Files.readString(library.resolve(name(i))).strip() + " [1]");
      }
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
      assertThat(name).matches("|shards|shards/shard-[^/]*\\.zip|v=\\d+|v=\\d+/manifest.json|v=\\d+/readers(/.*)?|v=\\d+/documents|v=\\d+/documents/(part-[^/]*|_SUCCESS)");
      if (name.endsWith(".zip")) {
        assertThat(manifests).contains(name.substring("shards/".length()));
      }
      if (name.matches("v=\\d+")) {
        assertThat(names).contains(name + "/manifest.json");
      }
    }
  }
}
