package dev.gemmaspark.spark.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Jobs that are killed, again and again, and run again: every row once, nothing lost, nothing left behind. */
class KilledRunsIT {
  private static final int ROWS = 60;

  @TempDir Path folder;
  private KilledRuns runs;
  private Path output;

  @BeforeEach
  void settings() throws IOException {
    LocalApplication.configure(folder.resolve("cache"));
    runs = new KilledRuns(folder.resolve("runs"));
    output = folder.resolve("out");
    lines("old", 0);
    lines("new", 1000);
  }

  @AfterEach
  void clear() {
    LocalApplication.clear();
  }

  private void lines(String name, int first) throws IOException {
    Files.writeString(
        folder.resolve(name + ".jsonl"),
        IntStream.range(first, first + ROWS).mapToObj(i -> String.format(Locale.ROOT, "{\"id\": %1$d, \"body\": \"doc%1$d\"}\n", i)).collect(Collectors.joining()));
  }

  @Test
  void aJobThatIsKilledAgainAndAgainIsResumedToItsEnd() throws Exception {
    int whole = whole();
    for (int kill = 0; kill < KilledRuns.kills(4); kill++) {
      KilledRuns.End end = runs.kill(SummarizeApp.class, whole, summarize("old", output, "resume"));
      assertThat(end.killed() || end.code() == 0).as(end.text()).isTrue();
      assertThat(ids()).as(end.text()).doesNotHaveDuplicates();
    }
    end("old", "resume");
    assertThat(ids()).isEqualTo(IntStream.range(0, ROWS).boxed().toList());
  }

  @Test
  void anOutputThatIsOverwrittenIsTheOldOrTheNew() throws Exception {
    assertThat(runs.run(SummarizeApp.class, summarize("old", output, "errorifexists")).code()).isZero();
    int whole = whole() + 10;
    List<Integer> old = IntStream.range(0, ROWS).boxed().toList();
    List<Integer> fresh = IntStream.range(1000, 1000 + ROWS).boxed().toList();
    for (int kill = 0; kill < KilledRuns.kills(3); kill++) {
      KilledRuns.End end = runs.kill(SummarizeApp.class, whole, summarize("new", output, "overwrite"));
      assertThat(end.killed() || end.code() == 0).as(end.text()).isTrue();
      if (!Files.exists(output.resolve("_gemma_swap.json"))) {
        assertThat(ids()).as(end.text()).isIn(old, fresh);
      } else {
        assertThat(ids()).as(end.text()).matches(ids -> ids.containsAll(old) || ids.containsAll(fresh) || Files.exists(output.resolve("_gemma_new")));
      }
    }
    end("new", "overwrite");
    assertThat(ids()).isEqualTo(fresh);
  }

  private void end(String input, String mode) throws Exception {
    KilledRuns.End end = runs.run(SummarizeApp.class, summarize(input, output, mode));
    assertThat(end.code()).as(end.text()).isZero();
    try (Stream<Path> files = Files.list(output)) {
      assertThat(files.map(file -> file.getFileName().toString()).filter(name -> !name.endsWith(".parquet") && !name.endsWith(".parquet.crc")))
          .containsExactlyInAnyOrder("_SUCCESS", "._SUCCESS.crc", "_gemma_run.json");
    }
  }

  /** How many changes a run makes that nobody kills. */
  private int whole() throws Exception {
    KilledRuns.End end = runs.run(SummarizeApp.class, summarize("old", folder.resolve("other"), "errorifexists"));
    assertThat(end.code()).as(end.text()).isZero();
    return end.changes();
  }

  private List<String> summarize(String input, Path to, String mode) {
    return List.of(
        "--input", folder.resolve(input + ".jsonl").toString(), "--format", "json", "--text-column", "body", "--id-column", "id", "--output", to.toString(), "--mode",
        mode);
  }

  /** Of the rows that a reader sees. */
  private List<Integer> ids() throws IOException {
    if (!Files.exists(output)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(output)) {
      if (files.noneMatch(file -> file.toString().endsWith(".parquet"))) {
        return List.of();
      }
    }
    try (SparkSession spark = SparkSession.builder().getOrCreate()) {
      List<Row> rows = new ArrayList<>(spark.read().parquet(output.toString()).collectAsList());
      return rows.stream().map(row -> ((Number) row.getAs("id")).intValue()).sorted().toList();
    }
  }
}
