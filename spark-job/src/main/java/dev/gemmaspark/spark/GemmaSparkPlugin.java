package dev.gemmaspark.spark;

import com.codahale.metrics.Gauge;
import com.codahale.metrics.MetricRegistry;
import dev.gemmaspark.engine.EngineStats;
import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.error.InvalidSettingException;
import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.executor.EngineSettings;
import dev.gemmaspark.spark.executor.ExecutorEngine;
import dev.gemmaspark.spark.executor.SuspectRows;
import dev.gemmaspark.spark.executor.TaskWatch;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What an executor does for Gemma outside of tasks; named in {@code spark.plugins}, and not needed to run queries. It loads the model when the
 * executor starts, where {@code spark.gemma.preload} asks for that, so that the first rows do not wait; publishes the engine's numbers through
 * Spark's metrics system; carries word of rows that end their executor; and closes the engine with the executor.
 */
public final class GemmaSparkPlugin implements SparkPlugin {
  private static final Logger LOG = LoggerFactory.getLogger(GemmaSparkPlugin.class);

  @Override
  public DriverPlugin driverPlugin() {
    return new WatchPlugin();
  }

  @Override
  public ExecutorPlugin executorPlugin() {
    return new EnginePlugin();
  }

  private static final class WatchPlugin implements DriverPlugin {
    private TaskWatch watch;

    @Override
    public Map<String, String> init(SparkContext spark, PluginContext context) {
      watch = TaskWatch.of(spark);
      return Map.of();
    }

    @Override
    public Object receive(Object message) {
      return watch.receive(message);
    }
  }

  private static final class EnginePlugin implements ExecutorPlugin {
    @Override
    public void init(PluginContext context, Map<String, String> extra) {
      register(context.metricRegistry());
      SuspectRows.connect(context::ask);
      // an executor registers when its plugins are done, and must not fail for want of a model or for a wrong setting
      Thread.ofPlatform().daemon().name("gemma-preload").start(() -> preload(context.conf()));
    }

    private static void preload(SparkConf spark) {
      try {
        GemmaConf conf = GemmaConf.of(spark);
        if (!conf.preload()) {
          return;
        }
        try (ExecutorEngine.Lease lease = ExecutorEngine.get(EngineSettings.of(conf, spark))) {
          LOG.info("The model is loaded, in {} ms", lease.loadNanos() / 1_000_000);
        }
      } catch (InvalidSettingException e) {
        LOG.debug("Told when the first call is analyzed", e);
      } catch (GemmaException e) {
        LOG.error("The model could not be loaded ahead of its first use, which will try again: {}", e.getMessage());
      }
    }

    private static void register(MetricRegistry metrics) {
      gauge(metrics, "promptTokens", EngineStats::promptTokens);
      gauge(metrics, "cachedPromptTokens", EngineStats::cachedTokens);
      gauge(metrics, "generatedTokens", EngineStats::completionTokens);
      gauge(metrics, "requests", EngineStats::requests);
      gauge(metrics, "failedRequests", EngineStats::failures);
      gauge(metrics, "runningSequences", EngineStats::runningSequences);
      gauge(metrics, "waitingSequences", EngineStats::waitingSequences);
      gauge(metrics, "kvCacheBytesUsed", EngineStats::kvCacheBytesUsed);
      gauge(metrics, "kvCacheBytesBudget", EngineStats::kvCacheBytesBudget);
      gauge(metrics, "busySeconds", stats -> stats.busyNanos() / 1e9);
      gauge(
          metrics,
          "tokensPerBusySecond",
          stats -> (stats.promptTokens() + stats.completionTokens()) / Math.max(1e-9, stats.busyNanos() / 1e9));
    }

    private static void gauge(MetricRegistry metrics, String name, ToDoubleFunction<EngineStats> value) {
      metrics.register(name, (Gauge<Double>) () -> ExecutorEngine.stats().stream().mapToDouble(value).sum());
    }

    @Override
    public void shutdown() {
      ExecutorEngine.closeAll();
    }
  }
}
