package dev.gemmaspark.spark;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.spark.executor.EngineFactory;
import dev.gemmaspark.spark.executor.ExecutorEngine;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The plugin and the functions of Java, on the demo model. */
class GemmaSparkPluginTest {
  @TempDir Path cache;

  @Test
  void theModelIsLoadedAheadAndItsNumbersAreInSparksMetrics() throws Exception {
    ExecutorEngine.replaceFactory(EngineFactory::gemma);
    try (SparkSession spark =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.ui.port", "0")
            .config("spark.plugins", GemmaSparkPlugin.class.getName())
            .config("spark.gemma.preload", "true")
            .config("spark.gemma.model.cacheDir", cache.toString())
            .config("spark.metrics.conf.*.sink.prometheusServlet.class", "org.apache.spark.metrics.sink.PrometheusServlet")
            .config("spark.metrics.conf.*.sink.prometheusServlet.path", "/metrics/prometheus")
            .getOrCreate()) {
      for (int i = 0; i < 600 && ExecutorEngine.stats().isEmpty(); i++) {
        Thread.sleep(50);
      }
      assertThat(ExecutorEngine.stats()).hasSize(1);
      spark
          .range(3)
          .select(
              GemmaFunctions.generate(functions.concat(functions.lit("Number "), functions.col("id")), Map.of("maxTokens", 4, "seed", functions.col("id"))))
          .collectAsList();
      // the same settings: still the one engine
      assertThat(ExecutorEngine.stats()).hasSize(1);
      String url = spark.sparkContext().uiWebUrl().get() + "/metrics/prometheus/";
      String text =
          HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString()).body();
      assertThat(value(text, "requests")).isEqualTo(3);
      assertThat(value(text, "generatedTokens")).isBetween(3.0, 12.0);
      assertThat(value(text, "promptTokens")).isPositive();
      assertThat(value(text, "tokensPerBusySecond")).isPositive();
      assertThat(value(text, "kvCacheBytesBudget")).isPositive();
    }
    assertThat(ExecutorEngine.stats()).isEmpty();
  }

  private static double value(String text, String name) {
    Matcher found = Pattern.compile("GemmaSparkPlugin_" + name + "_Value\\{[^}]*} ([-0-9.E]+)").matcher(text);
    assertThat(found.find()).as(name + " in " + text.lines().filter(line -> line.contains("Gemma")).toList()).isTrue();
    return Double.parseDouble(found.group(1));
  }
}
