package dev.gemmaspark.engine;

import static dev.gemmaspark.engine.error.InvalidSettingException.require;

import java.nio.file.Path;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * How an engine is opened.
 *
 * @param model which model
 * @param threads worker threads of the kernels; no more than the cores that are this process's to use
 * @param contextLength positions of prompt and completion together; the model's own, at most 8192, where not given
 * @param maxSequences requests that run in one batch at the most
 * @param kvCacheBytes budget of the KV cache; a share of the available memory where not given
 * @param memoryBytes what this process may take outside its heap, where somebody watches over it without the system knowing; what is available is
 *     no more
 * @param kvCacheType how the KV cache keeps its numbers
 * @param cacheDirectory where packed weights are kept for the next process of this machine
 * @param progress is told how far loading is
 */
public record EngineOptions(
    ModelSource model,
    int threads,
    OptionalInt contextLength,
    int maxSequences,
    OptionalLong kvCacheBytes,
    OptionalLong memoryBytes,
    KvCacheType kvCacheType,
    Path cacheDirectory,
    LoadListener progress) {
  public static final int DEFAULT_MAX_SEQUENCES = 32;

  /** Is told how far loading is. */
  @FunctionalInterface
  public interface LoadListener {
    /**
     * @param phase what is being done, in a word or two
     * @param share from 0 to 1
     */
    void progress(String phase, double share);
  }

  public EngineOptions {
    Objects.requireNonNull(model, "model");
    Objects.requireNonNull(kvCacheType, "kvCacheType");
    Objects.requireNonNull(cacheDirectory, "cacheDirectory");
    Objects.requireNonNull(progress, "progress");
    require(threads >= 1 && threads <= 1024, "threads", threads, "between 1 and 1024");
    require(
        contextLength.isEmpty() || contextLength.getAsInt() >= 2,
        "contextLength",
        contextLength,
        "at least 2");
    require(maxSequences >= 1 && maxSequences <= 4096, "maxSequences", maxSequences, "1 to 4096");
    require(
        kvCacheBytes.isEmpty() || kvCacheBytes.getAsLong() > 0, "kvCacheMemory", kvCacheBytes, "more than 0");
  }

  /** All of the machine's processors, the model's own context, the user's cache folder, and no listener. */
  public static EngineOptions forModel(ModelSource model) {
    return new EngineOptions(
        model,
        Runtime.getRuntime().availableProcessors(),
        OptionalInt.empty(),
        DEFAULT_MAX_SEQUENCES,
        OptionalLong.empty(),
        OptionalLong.empty(),
        KvCacheType.F16,
        userCacheDirectory(),
        (phase, share) -> {});
  }

  /** The same for a model as its files have it: {@code demo}, or a path. */
  public static EngineOptions forModel(String location) {
    return forModel(ModelSource.of(location));
  }

  /** {@code $XDG_CACHE_HOME/gemma-spark}, else {@code ~/.cache/gemma-spark}. */
  public static Path userCacheDirectory() {
    String xdg = System.getenv("XDG_CACHE_HOME");
    Path base =
        xdg == null || xdg.isEmpty() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(xdg);
    return base.resolve("gemma-spark");
  }

  public EngineOptions withModel(ModelSource value) {
    return new EngineOptions(
        value, threads, contextLength, maxSequences, kvCacheBytes, memoryBytes, kvCacheType, cacheDirectory, progress);
  }

  public EngineOptions withThreads(int value) {
    return new EngineOptions(
        model, value, contextLength, maxSequences, kvCacheBytes, memoryBytes, kvCacheType, cacheDirectory, progress);
  }

  public EngineOptions withContextLength(int value) {
    return new EngineOptions(
        model, threads, OptionalInt.of(value), maxSequences, kvCacheBytes, memoryBytes, kvCacheType, cacheDirectory, progress);
  }

  public EngineOptions withMaxSequences(int value) {
    return new EngineOptions(
        model, threads, contextLength, value, kvCacheBytes, memoryBytes, kvCacheType, cacheDirectory, progress);
  }

  public EngineOptions withKvCacheBytes(long value) {
    return new EngineOptions(
        model, threads, contextLength, maxSequences, OptionalLong.of(value), memoryBytes, kvCacheType, cacheDirectory, progress);
  }

  public EngineOptions withMemoryBytes(long value) {
    return new EngineOptions(
        model, threads, contextLength, maxSequences, kvCacheBytes, OptionalLong.of(value), kvCacheType, cacheDirectory, progress);
  }

  public EngineOptions withKvCacheType(KvCacheType value) {
    return new EngineOptions(
        model, threads, contextLength, maxSequences, kvCacheBytes, memoryBytes, value, cacheDirectory, progress);
  }

  public EngineOptions withCacheDirectory(Path value) {
    return new EngineOptions(
        model, threads, contextLength, maxSequences, kvCacheBytes, memoryBytes, kvCacheType, value, progress);
  }

  public EngineOptions withProgress(LoadListener value) {
    return new EngineOptions(
        model, threads, contextLength, maxSequences, kvCacheBytes, memoryBytes, kvCacheType, cacheDirectory, value);
  }
}
