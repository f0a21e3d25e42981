package dev.gemmaspark.spark.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gemmaspark.spark.CountingGenerator;
import dev.gemmaspark.spark.app.LocalApplication.Run;
import dev.gemmaspark.spark.executor.EngineFactory;
import dev.gemmaspark.spark.executor.ExecutorEngine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The library and the questions of the demo: how well they are found, and how well the demo model answers them. */
class AnswerAppIT {
  private static final Path LIBRARY = Path.of("../conf/demo/library");
  private static final String QUESTIONS = "../conf/demo/questions.parquet";

  @TempDir Path folder;

  @BeforeEach
  void settings() {
    LocalApplication.configure(folder.resolve("cache"));
  }

  @AfterEach
  void clear() {
    ExecutorEngine.replaceFactory(EngineFactory::gemma);
    LocalApplication.clear();
  }

  @Test
  void theDemoModelAnswersFromTheOnePassageThatItIsShown() throws Exception {
    String output = folder.resolve("answers").toString();
    run(new AnswerApp(), "--documents", LIBRARY.toString(), "--questions", QUESTIONS, "--top-k", "1", "--output", output);
    JsonNode figures = evaluate(output);
    assertThat(figures.at("/questions/all").asInt()).isEqualTo(300);
    assertThat(figures.at("/recall@1/answerable").asDouble()).isGreaterThanOrEqualTo(0.98);
    assertThat(figures.at("/exact, of those/answerable").asDouble()).isGreaterThanOrEqualTo(0.95);
    assertThat(figures.at("/all citations right, of those/answerable").asDouble()).isGreaterThanOrEqualTo(0.97);
    assertThat(figures.at("/citations that exist/answerable").asDouble()).isGreaterThanOrEqualTo(0.97);
    assertThat(figures.at("/abstained/missing: fact").asDouble()).isGreaterThanOrEqualTo(0.9);
    assertThat(figures.at("/abstained/missing: subject").asDouble()).isGreaterThanOrEqualTo(0.9);
    assertThat(figures.at("/abstained/answerable").asDouble()).isLessThanOrEqualTo(0.02);
    checkOffsets(output);
  }

  /** Of text and Markdown, offsets point into the file itself. */
  private static void checkOffsets(String output) throws IOException {
    try (SparkSession spark = SparkSession.builder().getOrCreate()) {
      List<Row> cited =
          spark.read().parquet(output).selectExpr("inline(citations)").where("valid AND NOT doc_id LIKE '%.html'").collectAsList();
      assertThat(cited).hasSizeGreaterThan(150);
      for (Row row : cited) {
        String text = Files.readString(LIBRARY.resolve(row.<String>getAs("doc_id")));
        String passage = text.substring(row.<Integer>getAs("start"), row.<Integer>getAs("end"));
        assertThat(text.strip()).endsWith(passage);
        assertThat(passage).isEqualTo(passage.strip()).hasSizeGreaterThan(100);
      }
    }
  }

  @Test
  void threePassagesHaveTheSourceAmongThem() throws Exception {
    ExecutorEngine.replaceFactory(settings -> new CountingGenerator());
    String output = folder.resolve("answers").toString();
    run(new AnswerApp(), "--documents", LIBRARY.toString(), "--questions", QUESTIONS, "--output", output);
    JsonNode figures = evaluate(output);
    assertThat(figures.at("/recall@3/answerable").asDouble()).isGreaterThanOrEqualTo(0.99);
  }

  private JsonNode evaluate(String output) throws IOException {
    Path report = folder.resolve("report.json");
    run(new EvaluateApp(), "--answers", output, "--questions", QUESTIONS, "--report", report.toString());
    return new ObjectMapper().readTree(report.toFile());
  }

  private static void run(Application application, String... arguments) {
    Run run = LocalApplication.run(application, arguments);
    assertThat(run.code()).as(run.text()).isZero();
  }
}
