package dev.gemmaspark.spark.execution;

import java.io.Serializable;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.execution.metric.SQLMetric;
import org.apache.spark.sql.execution.metric.SQLMetrics;

/** The operator's numbers, as the SQL tab shows them. Created on the driver; tasks add to their own copies. */
public final class GemmaMetrics implements Serializable {
  private static final long serialVersionUID = 1L;

  /** A number of the operator. */
  public enum Metric {
    /** By this label, which all operators have, the SQL tab knows what to write at the edges of its graph. */
    OUTPUT_ROWS("numOutputRows", "number of output rows", false),
    /** The same number, under a label of ours, by which listeners know it from other operators'. */
    ROWS_DONE("rowsDone", "number of rows done by Gemma", false),
    MODEL_CALLS("modelCalls", "number of model calls", false),
    FAILED_ROWS("failedRows", "number of failed rows", false),
    PROMPT_TOKENS("promptTokens", "prompt tokens", false),
    GENERATED_TOKENS("generatedTokens", "generated tokens", false),
    LOAD_TIME("loadTime", "time to load the model", true),
    WAIT_TIME("waitTime", "time waiting for results", true),
    ENGINE_TIME("engineTime", "time of batches in the engine", true);

    private final String key;
    private final String label;
    private final boolean time;

    Metric(String key, String label, boolean time) {
      this.key = key;
      this.label = label;
      this.time = time;
    }

    public String key() {
      return key;
    }

    public String label() {
      return label;
    }
  }

  private final EnumMap<Metric, SQLMetric> metrics = new EnumMap<>(Metric.class);

  public GemmaMetrics(SparkContext context) {
    for (Metric metric : Metric.values()) {
      metrics.put(
          metric,
          metric.time
              ? SQLMetrics.createNanoTimingMetric(context, metric.label, 0)
              : SQLMetrics.createMetric(context, metric.label));
    }
  }

  /** By the names that the plan has for them. */
  public Map<String, SQLMetric> byKey() {
    Map<String, SQLMetric> named = new LinkedHashMap<>();
    metrics.forEach((metric, value) -> named.put(metric.key, value));
    return named;
  }

  void add(Metric metric, long amount) {
    metrics.get(metric).add(amount);
  }
}
