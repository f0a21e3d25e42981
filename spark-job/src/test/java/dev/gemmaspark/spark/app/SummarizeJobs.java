package dev.gemmaspark.spark.app;

import static dev.gemmaspark.spark.app.LocalApplication.run;

import dev.gemmaspark.spark.CountingGenerator;
import dev.gemmaspark.spark.app.LocalApplication.Run;
import dev.gemmaspark.spark.executor.EngineFactory;
import dev.gemmaspark.spark.executor.ExecutorEngine;
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
import org.junit.jupiter.api.io.TempDir;

/** Jobs from one folder to another, with a fake engine that counts, and looks at what they wrote. */
abstract class SummarizeJobs {
  @TempDir Path folder;
  CountingGenerator engine;
  Path input;
  Path output;

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

  Path lines(Path file, int from, int to) throws IOException {
    return Files.writeString(
        file, IntStream.range(from, to).mapToObj(i -> String.format(Locale.ROOT, "{\"id\": %1$d, \"body\": \"doc%1$d\"}", i)).collect(Collectors.joining("\n")));
  }

  Run summarize(String... more) {
    return between(input.toString(), output.toString(), more);
  }

  static Run between(String from, String to, String... more) {
    return run(
        new SummarizeApp(), Stream.concat(Stream.of("--input", from, "--format", "json", "--text-column", "body", "--output", to), Stream.of(more)).toArray(String[]::new));
  }

  Run stream(Path to) {
    return between(input.toString(), to.toString(), "--stream", "--checkpoint", folder.resolve("checkpoint").toString(), "--id-column", "id");
  }

  List<Row> read() throws IOException {
    try (SparkSession spark = SparkSession.builder().getOrCreate()) {
      return List.copyOf(spark.read().parquet(output.toString()).collectAsList());
    }
  }

  List<Integer> ids() throws IOException {
    return read().stream().map(row -> ((Number) row.getAs("id")).intValue()).sorted().toList();
  }

  List<String> errors() throws IOException {
    return read().stream().map(row -> row.<String>getAs("error")).filter(error -> error != null).toList();
  }

  List<String> leftBehind() throws IOException {
    try (Stream<Path> files = Files.list(output)) {
      return new ArrayList<>(
          files.map(file -> file.getFileName().toString()).filter(name -> name.startsWith("_") && !name.equals("_SUCCESS") && !name.equals("_gemma_run.json")).toList());
    }
  }
}
