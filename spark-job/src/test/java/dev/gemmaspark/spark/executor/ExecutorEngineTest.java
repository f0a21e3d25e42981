package dev.gemmaspark.spark.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.error.ModelNotFoundException;
import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.FinishReason;
import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.GenerationResult;
import dev.gemmaspark.engine.generation.TextGenerator;
import dev.gemmaspark.engine.generation.TokenUsage;
import dev.gemmaspark.spark.conf.GemmaConf;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.SparkConf;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExecutorEngineTest {
  private static final EngineSettings SETTINGS = new EngineSettings(new HashMap<>(), 1, 0);

  @AfterEach
  void restore() {
    ExecutorEngine.replaceFactory(EngineFactory::gemma);
  }

  @Test
  void threadsThatRaceGetOneEngineAndOneOfThemTheTimeItTook() throws Exception {
    AtomicInteger opened = new AtomicInteger();
    ExecutorEngine.replaceFactory(
        settings -> {
          opened.incrementAndGet();
          pause();
          return request -> new CompletableFuture<>();
        });
    List<ExecutorEngine.Lease> leases = new ArrayList<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      List<Callable<ExecutorEngine.Lease>> all = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        all.add(() -> ExecutorEngine.get(SETTINGS));
      }
      for (Future<ExecutorEngine.Lease> lease : threads.invokeAll(all)) {
        leases.add(lease.get());
      }
    }
    assertThat(opened).hasValue(1);
    assertThat(leases).extracting(ExecutorEngine.Lease::generator).containsOnly(leases.getFirst().generator());
    assertThat(leases).filteredOn(lease -> lease.loadNanos() > 0).hasSize(1);
  }

  @Test
  void afterAFailureTheNextCallTriesAgain() {
    AtomicInteger tries = new AtomicInteger();
    ExecutorEngine.replaceFactory(
        settings -> {
          if (tries.incrementAndGet() == 1) {
            throw new ModelNotFoundException("not yet");
          }
          return request -> new CompletableFuture<>();
        });
    assertThatThrownBy(() -> ExecutorEngine.get(SETTINGS)).isInstanceOf(ModelNotFoundException.class).hasMessage("not yet");
    assertThat(ExecutorEngine.get(SETTINGS).generator()).isNotNull();
  }

  @Test
  void anErrorOfTheEngineIsNoCauseThatEndsTheExecutor() {
    ExecutorEngine.replaceFactory(
        settings -> {
          throw new StackOverflowError("deep");
        });
    assertThatThrownBy(() -> ExecutorEngine.get(SETTINGS))
        .isInstanceOf(GemmaException.class)
        .hasMessageContaining("deep")
        .hasNoCause();
  }

  @Test
  void aReplacedEngineIsClosed() {
    List<String> closed = new ArrayList<>();
    ExecutorEngine.replaceFactory(settings -> new Closing(() -> closed.add("engine")));
    ExecutorEngine.get(SETTINGS);
    ExecutorEngine.replaceFactory(EngineFactory::gemma);
    assertThat(closed).containsExactly("engine");
  }

  @Test
  void threadsAreTheCoresThatSparkGives() {
    assertThat(EngineSettings.executorCores(new SparkConf(false).set("spark.master", "local[3]"))).isEqualTo(3);
    assertThat(EngineSettings.executorCores(new SparkConf(false).set("spark.master", "local[4,2]"))).isEqualTo(4);
    assertThat(EngineSettings.executorCores(new SparkConf(false).set("spark.master", "local"))).isEqualTo(1);
    assertThat(EngineSettings.executorCores(new SparkConf(false).set("spark.master", "local[*]"))).isZero();
    assertThat(
            EngineSettings.executorCores(
                new SparkConf(false).set("spark.master", "yarn").set("spark.executor.cores", "5")))
        .isEqualTo(5);
  }

  @Test
  void coresThatNobodySetsAreOneButOnAStandaloneMaster() {
    assertThat(EngineSettings.executorCores(new SparkConf(false).set("spark.master", "yarn"))).isEqualTo(1);
    assertThat(EngineSettings.executorCores(new SparkConf(false).set("spark.master", "k8s://https://host"))).isEqualTo(1);
    assertThat(EngineSettings.executorCores(new SparkConf(false).set("spark.master", "spark://host:7077"))).isZero();
  }

  @Test
  void theDefaultOfTheKvCacheIsOfTheMemoryThatSparkLetsAnExecutorHave() {
    assertThat(memory("yarn", "memoryOverhead", "12g")).hasValue(12L << 30);
    assertThat(memory("k8s://https://host", "memoryOverhead", "2000")).hasValue(2000L << 20);
    assertThat(memory("yarn", "memoryOverheadFactor", "0.75", "memory", "4g")).hasValue(3L << 30);
    assertThat(memory("yarn", "memoryOverheadFactor", "0.1")).hasValue(384L << 20);
    assertThat(memory("yarn")).isEmpty();
    assertThat(memory("local[2]", "memoryOverhead", "12g")).isEmpty();
  }

  private static OptionalLong memory(String master, String... keysAndValues) {
    SparkConf spark = new SparkConf(false).set("spark.master", master);
    for (int i = 0; i < keysAndValues.length; i += 2) {
      spark.set("spark.executor." + keysAndValues[i], keysAndValues[i + 1]);
    }
    return EngineSettings.of(GemmaConf.of(Map.of()), spark).options().memoryBytes();
  }

  private static EngineSettings settings(String... keysAndValues) {
    HashMap<String, String> all = new HashMap<>();
    for (int i = 0; i < keysAndValues.length; i += 2) {
      all.put("spark.gemma." + keysAndValues[i], keysAndValues[i + 1]);
    }
    return EngineSettings.of(GemmaConf.of(all), new SparkConf(false).set("spark.master", "local[2]"));
  }

  @Test
  void settingsThatNeedNoNewEngineMakeNone() {
    AtomicInteger opened = new AtomicInteger();
    ExecutorEngine.replaceFactory(
        settings -> {
          opened.incrementAndGet();
          return request -> new CompletableFuture<>();
        });
    ExecutorEngine.get(settings());
    ExecutorEngine.get(settings("maxSequences", "32", "kvCacheType", "f16", "model", "demo", "threads", "2"));
    ExecutorEngine.get(settings("batchRows", "5", "failOnError", "false", "repartition", "off", "preload", "true", "promptDir", "/p", "lora", ""));
    assertThat(opened).hasValue(1);
    ExecutorEngine.get(settings("kvCacheMemory", "2g", "kvCacheType", "bf16", "contextLength", "100")).close();
    ExecutorEngine.get(settings("kvCacheMemory", "2048M", "kvCacheType", "BF16", "contextLength", "0100")).close();
    assertThat(opened).hasValue(2);
  }

  @Test
  void anEngineThatNobodyUsesMakesRoomForOneOfOtherSettingsAndNoOtherDoes() {
    List<String> closed = new ArrayList<>();
    ExecutorEngine.replaceFactory(settings -> new Closing(() -> closed.add(settings.settings().get("spark.gemma.maxSequences"))));
    ExecutorEngine.get(settings("maxSequences", "1")).close();
    ExecutorEngine.Lease inUse = ExecutorEngine.get(settings("maxSequences", "2"));
    assertThat(closed).containsExactly("1");
    ExecutorEngine.get(settings("maxSequences", "3")).close();
    ExecutorEngine.get(settings("maxSequences", "4", "model", "/models/other")).close();
    assertThat(closed).containsExactly("1");
    inUse.close();
    ExecutorEngine.get(settings("maxSequences", "5")).close();
    assertThat(closed).containsExactlyInAnyOrder("1", "2", "3");
  }

  @Test
  void anEngineThatHasEndedIsClosedAndTheNextTaskGetsANewOne() {
    List<String> closed = new ArrayList<>();
    List<AtomicBoolean> ended = new ArrayList<>();
    ExecutorEngine.replaceFactory(
        settings -> {
          String name = String.valueOf(ended.size());
          ended.add(new AtomicBoolean());
          return new Closing(() -> closed.add(name), ended.getLast());
        });
    ExecutorEngine.Lease first = ExecutorEngine.get(settings());
    ended.getFirst().set(true);
    ExecutorEngine.Lease second = ExecutorEngine.get(settings());
    assertThat(second.generator()).isNotSameAs(first.generator());
    assertThat(closed).containsExactly("0");
    first.close();
    // the second's users are not counted by the first
    ExecutorEngine.get(settings("maxSequences", "1")).close();
    assertThat(closed).containsExactly("0");
    assertThat(ExecutorEngine.get(settings()).generator()).isSameAs(second.generator());
  }

  @Test
  void aModelThatWasReplacedIsOpenedAgain(@TempDir Path folder) throws Exception {
    AtomicInteger opened = new AtomicInteger();
    ExecutorEngine.replaceFactory(
        settings -> {
          opened.incrementAndGet();
          return request -> new CompletableFuture<>();
        });
    Path model = Files.writeString(folder.resolve("m.gguf"), "one");
    ExecutorEngine.get(settings("model", model.toString())).close();
    ExecutorEngine.get(settings("model", model.toString())).close();
    assertThat(opened).hasValue(1);
    Files.writeString(model, "three");
    ExecutorEngine.get(settings("model", model.toString())).close();
    assertThat(opened).hasValue(2);
  }

  @Test
  void enginesOfAStoppedApplicationAreClosed() throws Exception {
    List<String> closed = Collections.synchronizedList(new ArrayList<>());
    ExecutorEngine.replaceFactory(settings -> new Closing(() -> closed.add("engine")));
    try (SparkSession spark =
        SparkSession.builder()
            .master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .getOrCreate()) {
      spark.sql("SELECT gemma_generate('x')").collect();
      assertThat(closed).isEmpty();
    }
    assertThat(closed).containsExactly("engine");
  }

  private record Closing(Runnable end, AtomicBoolean ended) implements TextGenerator, AutoCloseable {
    Closing(Runnable end) {
      this(end, new AtomicBoolean());
    }

    @Override
    public boolean hasEnded() {
      return ended.get();
    }

    @Override
    public CompletableFuture<GenerationResult> submit(GenerationRequest request) {
      return CompletableFuture.completedFuture(new Completion("x", FinishReason.STOP, new TokenUsage(1, 1, 0)));
    }

    @Override
    public void close() {
      end.run();
    }
  }

  private static void pause() {
    try {
      Thread.sleep(100);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
