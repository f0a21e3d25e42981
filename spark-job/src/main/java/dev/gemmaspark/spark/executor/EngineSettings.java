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
 * @param memoryBytes what the cluster manager lets an executor take outside its heap, or 0 where the application does not say
 */
public record EngineSettings(HashMap<String, String> settings, int threads, long memoryBytes) implements Serializable {
  private static final long serialVersionUID = 1L;

  /** The settings of a session. */
  public static EngineSettings of(GemmaConf conf, SparkConf spark) {
    HashMap<String, String> settings = new HashMap<>(conf.engine().settings());
    settings.remove(GemmaConf.THREADS.name());
    return new EngineSettings(settings, conf.threads().orElseGet(() -> executorCores(spark)), memoryBytes(spark));
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
    if (memoryBytes > 0) {
      options = options.withMemoryBytes(memoryBytes);
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

  /** Managers such as YARN end an executor that takes more, and need not have the system know of it. */
  static long memoryBytes(SparkConf spark) {
    if (spark.get("spark.master", "").startsWith("local")) {
      return 0;
    }
    long mebibytes = 0;
    if (spark.contains("spark.executor.memoryOverhead")) {
      mebibytes = spark.getSizeAsMb("spark.executor.memoryOverhead");
    } else if (spark.contains("spark.executor.memoryOverheadFactor")) {
      long heap = spark.getSizeAsMb("spark.executor.memory", "1g");
      mebibytes =
          Math.max(
              (long) (heap * spark.getDouble("spark.executor.memoryOverheadFactor", 0)),
              spark.getSizeAsMb("spark.executor.minMemoryOverhead", "384m"));
    }
    return mebibytes << 20;
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
