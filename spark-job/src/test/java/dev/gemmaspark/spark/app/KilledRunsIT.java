package dev.gemmaspark.spark.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeMap;
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

/** Jobs that are killed, again and again, and run again: every row once, nothing lost, nothing left behind. */
class KilledRunsIT {
  private static final int ROWS = 60;

  @TempDir Path folder;
  private KilledRuns runs;
  private Path output;

  @BeforeEach
  void settings() throws IOException {
    LocalApplication.configure(folder.resolve("cache"));
    runs = new KilledRuns(SummarizeApp.class, folder.resolve("runs"));
    output = folder.resolve("out");
  }

  @AfterEach
  void clear() {
    LocalApplication.clear();
  }

  private static String lines(int first) {
    return IntStream.range(first, first + ROWS)
        .mapToObj(i -> String.format(Locale.ROOT, "{\"id\": %1$d, \"body\": \"doc%1$d\"}\n", i))
        .collect(Collectors.joining());
  }

  @Test
  void aJobThatIsKilledAgainAndAgainIsResumedToItsEnd() throws Exception {
    Files.writeString(folder.resolve("0.jsonl"), lines(0));
    TreeMap<Integer, String> undisturbed = rows(runs.measure(to -> summarize(0, to, "errorifexists")));
    assertThat(undisturbed.keySet()).containsExactlyElementsOf(ids(0));
    while (runs.goOn()) {
      boolean killed = runs.kill(summarize(0, output, "resume"));
      assertThat(undisturbed.entrySet()).containsAll(rows(output).entrySet());
      if (!killed || runs.isTimeToEnd()) {
        runs.run(summarize(0, output, "resume"));
        assertThat(rows(output)).isEqualTo(undisturbed);
        requireNothingElse(output);
        FileSystem.getLocal(new Configuration()).delete(new org.apache.hadoop.fs.Path(output.toString()), true);
      }
    }
    assertThat(Files.readString(folder.resolve("0.jsonl"))).isEqualTo(lines(0));
  }

  @Test
  void anOutputThatIsOverwrittenIsTheOldOrTheNew() throws Exception {
    Files.writeString(folder.resolve("0.jsonl"), lines(0));
    Files.move(runs.measure(to -> summarize(0, to, "errorifexists")), output);
    TreeMap<Integer, String> old = rows(output);
    int first = 0;
    while (runs.goOn()) {
      first += 1000;
      Files.writeString(folder.resolve(first + ".jsonl"), lines(first));
      runs.kill(summarize(first, output, "overwrite"));
      Set<Integer> fresh = ids(first);
      if (isSwapping()) {
        // readers see that it is unfinished; what is not there yet is beside it
        assertThat(output.resolve("_SUCCESS")).doesNotExist();
        Set<Integer> there = new HashSet<>(rows(output).keySet());
        there.addAll(rows(output.resolve("_gemma_new")).keySet());
        assertThat(there).containsAll(fresh);
      } else {
        TreeMap<Integer, String> now = rows(output);
        assertThat(now.keySet()).isIn(fresh, old.keySet());
        old = now;
      }
      if (runs.isTimeToEnd()) {
        runs.run(summarize(first, output, "overwrite"));
        old = rows(output);
        assertThat(old.keySet()).isEqualTo(fresh);
        assertThat(old).allSatisfy((id, text) -> assertThat(text).contains("doc" + id));
        requireNothingElse(output);
      } else if (isSwapping()) {
        // the next run ends the swap before it begins
        old = new TreeMap<>(fresh.stream().collect(Collectors.toMap(id -> id, id -> "doc" + id)));
      }
      assertThat(Files.readString(folder.resolve(first + ".jsonl"))).isEqualTo(lines(first));
    }
  }

  @Test
  void whatIsAppendedIsThereWholeOrNotAtAll() throws Exception {
    Files.writeString(folder.resolve("0.jsonl"), lines(0));
    Files.move(runs.measure(to -> summarize(0, to, "append")), output);
    Set<Integer> all = new HashSet<>(ids(0));
    for (int first = 1000; runs.goOn(); first += 1000) {
      Files.writeString(folder.resolve(first + ".jsonl"), lines(first));
      runs.kill(summarize(first, output, "append"));
      boolean swapping = isSwapping();
      Set<Integer> before = Set.copyOf(all);
      all.addAll(ids(first));
      Set<Integer> there = new HashSet<>(rows(output).keySet());
      assertThat(there).containsAll(before);
      boolean whole = !swapping && there.size() > before.size();
      if (swapping) {
        assertThat(output.resolve("_SUCCESS")).doesNotExist();
        there.addAll(rows(output.resolve("_gemma_new")).keySet());
      }
      assertThat(there).isEqualTo(swapping || whole ? all : before);
      if (!whole) {
        // of a swap that was begun, append itself would say that it is whole now
        runs.run(summarize(first, output, swapping ? "resume" : "append"));
      }
      assertThat(rows(output).keySet()).isEqualTo(all);
      if (!whole) {
        requireNothingElse(output);
      }
    }
  }

  private boolean isSwapping() {
    return Files.exists(output.resolve("_gemma_swap.json")) || Files.exists(output.resolve("_gemma_swap.json.new"));
  }

  private static Set<Integer> ids(int first) {
    return IntStream.range(first, first + ROWS).boxed().collect(Collectors.toSet());
  }

  private void requireNothingElse(Path place) throws IOException {
    try (Stream<Path> files = Files.list(place)) {
      Set<String> names = files.map(file -> file.getFileName().toString()).collect(Collectors.toSet());
      assertThat(names).contains("_SUCCESS", "_gemma_run.json").allMatch(name -> name.matches("_SUCCESS|_gemma_run.json|part-.*\\.parquet|\\..*\\.crc"));
      assertThat(names).filteredOn(name -> name.endsWith(".crc")).allMatch(name -> names.contains(name.substring(1, name.length() - ".crc".length())));
    }
  }

  private List<String> summarize(int first, Path to, String mode) {
    return List.of("--input", folder.resolve(first + ".jsonl").toString(), "--format", "json", "--text-column", "body", "--id-column", "id", "--output", to.toString(), "--mode", mode);
  }

  /** The summaries of ids that a reader sees; that none is there twice, is required here. */
  private static TreeMap<Integer, String> rows(Path place) throws IOException {
    TreeMap<Integer, String> texts = new TreeMap<>();
    if (!Files.exists(place)) {
      return texts;
    }
    try (Stream<Path> files = Files.list(place)) {
      if (files.noneMatch(file -> file.toString().endsWith(".parquet"))) {
        return texts;
      }
    }
    try (SparkSession spark = SparkSession.builder().getOrCreate()) {
      for (Row row : spark.read().parquet(place.toString()).collectAsList()) {
        assertThat(texts.put(((Number) row.getAs("id")).intValue(), row.getAs("summary"))).isNull();
      }
    }
    return texts;
  }
}
