package dev.gemmaspark.spark.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.error.ModelNotFoundException;
import dev.gemmaspark.engine.generation.TextGenerator;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ExecutorEngineTest {
  private static final EngineSettings SETTINGS = new EngineSettings(new HashMap<>(), 1);

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
    class Closing implements TextGenerator, AutoCloseable {
      boolean closed;

      @Override
      public CompletableFuture<dev.gemmaspark.engine.generation.GenerationResult> submit(
          dev.gemmaspark.engine.generation.GenerationRequest request) {
        return new CompletableFuture<>();
      }

      @Override
      public void close() {
        closed = true;
      }
    }
    Closing engine = new Closing();
    ExecutorEngine.replaceFactory(settings -> engine);
    ExecutorEngine.get(SETTINGS);
    ExecutorEngine.replaceFactory(EngineFactory::gemma);
    assertThat(engine.closed).isTrue();
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

  private static void pause() {
    try {
      Thread.sleep(100);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
