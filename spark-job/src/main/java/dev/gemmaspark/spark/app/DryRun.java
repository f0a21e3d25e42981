package dev.gemmaspark.spark.app;

import dev.gemmaspark.engine.Benchmark;
import dev.gemmaspark.engine.EngineOptions;
import dev.gemmaspark.engine.GemmaEngine;
import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.executor.EngineSettings;
import dev.gemmaspark.spark.executor.ModelLocation;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;

/**
 * What a job will cost, found by a short measurement: some rows are run to their ends, for how many tokens a row has; and the engine is timed
 * on prompts and batches of that kind, on this machine.
 */
final class DryRun {
  private static final int SAMPLE_ROWS = 8;
  private static final int STEPS = 2;
  private static final double MEBIBYTE = 1 << 20;
  private static final int LONGEST_PROMPT = 1024;

  private final GemmaConf conf;
  private final PrintWriter out;

  DryRun(GemmaConf conf, PrintWriter out) {
    this.conf = conf;
    this.out = out;
  }

  /** Tokens of an average row, of so many. */
  private record Tokens(long rows, double prompt, double completion, long textBytes) {}

  /**
   * Prints the estimate.
   *
   * @param rows of the whole job
   * @param sample some of them, with their results
   */
  void run(long rows, Dataset<Row> sample) {
    if (rows == 0) {
      out.println("The input has no rows; there is nothing to do.");
      return;
    }
    Tokens tokens = measure(sample);
    EngineOptions options = EngineSettings.of(conf, sample.sparkSession().sparkContext().getConf()).options();
    int batch = (int) Math.min(rows, conf.maxSequences());
    int promptTokens = Math.clamp(Math.round(tokens.prompt), 1, Math.min(LONGEST_PROMPT, ModelLocation.contextLength(conf) - STEPS));
    Benchmark.Report speed = Benchmark.run(options, new Benchmark.Plan(promptTokens, STEPS, promptTokens, List.of(batch)));
    double prefill = speed.results().getFirst().tokensPerSecond();
    double decode = speed.results().getLast().tokensPerSecond();
    double seconds = speed.loadSeconds() + rows * (tokens.prompt / prefill + tokens.completion / decode);
    print("rows", "%,d", rows);
    print("prompt tokens", "%,.0f (%.0f a row, from %d rows)", rows * tokens.prompt, tokens.prompt, tokens.rows);
    print("completion tokens", "%,.0f (%.0f a row)", rows * tokens.completion, tokens.completion);
    print("weights", "%,.0f MiB, mapped, and shared by the executors of a machine", speed.bytes() / MEBIBYTE);
    print("KV cache", "%,.0f MiB at the most", kvCacheBytes(options) / MEBIBYTE);
    print("Arrow", "%,.1f MiB a task", 2.0 * conf.batchRows() * tokens.textBytes / MEBIBYTE);
    print("speed", "%.1f prompt tokens/s, %.1f tokens/s of %d rows together, on %d threads", prefill, decode, batch, speed.threads());
    print("time", "%s on this machine; executors on other machines like it divide it", text(seconds));
  }

  private static long kvCacheBytes(EngineOptions options) {
    try (GemmaEngine engine = GemmaEngine.open(options)) {
      return engine.stats().kvCacheBytesBudget();
    }
  }

  private static Tokens measure(Dataset<Row> sample) {
    Row means =
        sample
            .agg(
                functions.avg("prompt_tokens"),
                functions.avg("completion_tokens"),
                functions.avg(functions.length(functions.to_json(functions.struct("*")))),
                functions.count(functions.lit(1)))
            .first();
    return new Tokens(
        means.getLong(3),
        means.isNullAt(0) ? 0 : means.getDouble(0),
        means.isNullAt(1) ? 0 : means.getDouble(1),
        means.isNullAt(2) ? 0 : Math.round(means.getDouble(2)));
  }

  static Dataset<Row> sample(Dataset<Row> rows) {
    return rows.limit(SAMPLE_ROWS);
  }

  private void print(String name, String format, Object... values) {
    out.printf(Locale.ROOT, "%-18s %s%n", name, String.format(Locale.ROOT, format, values));
  }

  private static String text(double seconds) {
    if (seconds < 600) {
      return String.format(Locale.ROOT, "%.0f s", seconds);
    }
    return seconds < 7200
        ? String.format(Locale.ROOT, "%.0f min", seconds / 60)
        : String.format(Locale.ROOT, "%.1f h", seconds / 3600);
  }
}
