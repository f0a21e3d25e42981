package dev.gemmaspark.spark.executor;

import dev.gemmaspark.engine.EngineOptions;
import dev.gemmaspark.spark.conf.GemmaConf;
import java.io.Serializable;
import java.util.HashMap;
import org.apache.spark.SparkConf;

/**
 * What decides which engine an executor runs; made on the driver, sent with tasks. Equal settings share an engine.
 *
 * @param settings the session's {@code spark.gemma} settings that an engine follows
 * @param threads worker threads
 */
public record EngineSettings(HashMap<String, String> settings, int threads) implements Serializable {
  private static final long serialVersionUID = 1L;

  /** The settings of a session. */
  public static EngineSettings of(GemmaConf conf, SparkConf spark) {
    HashMap<String, String> settings = new HashMap<>(conf.engine().settings());
    settings.remove(GemmaConf.THREADS.name());
    return new EngineSettings(settings, conf.threads().orElseGet(() -> executorCores(spark)));
  }

  GemmaConf conf() {
    return GemmaConf.of(settings);
  }

  /**
   * What an engine of these settings is opened with, on this node.
   *
   * @throws dev.gemmaspark.engine.error.ModelNotFoundException if there is no such model here
   */
  public EngineOptions options() {
    GemmaConf conf = conf();
    EngineOptions options = ModelLocation.options(conf).withMaxSequences(conf.maxSequences()).withKvCacheType(conf.kvCacheType());
    if (threads > 0) {
      options = options.withThreads(threads);
    }
    if (conf.contextLength().isPresent()) {
      options = options.withContextLength(conf.contextLength().getAsInt());
    }
    if (conf.kvCacheBytes().isPresent()) {
      options = options.withKvCacheBytes(conf.kvCacheBytes().getAsLong());
    }
    return options;
  }

  /** The cores that Spark gives an executor, or 0 for all processors of wherever the engine runs. */
  static int executorCores(SparkConf spark) {
    String master = spark.get("spark.master", "");
    if (master.startsWith("local")) {
      return localThreads(master);
    }
    // a standalone master gives all cores of a worker to whoever does not say how many, and other managers one
    return spark.getInt("spark.executor.cores", master.startsWith("spark:") ? 0 : 1);
  }

  private static int localThreads(String master) {
    String inside = master.replaceAll("^local(\\[([^,\\]]*).*)?$", "$2");
    return switch (inside) {
      case "" -> 1;
      case "*" -> 0;
      default -> inside.matches("\\d+") ? Integer.parseInt(inside) : 0;
    };
  }
}
