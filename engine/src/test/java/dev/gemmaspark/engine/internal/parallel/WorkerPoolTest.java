package dev.gemmaspark.engine.internal.parallel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorkerPoolTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 8})
  void everyIndexRunsOnceAndItsEffectsAreSeenByTheCaller(int threads) {
    try (WorkerPool pool = new WorkerPool(threads, "test")) {
      for (int round = 0; round < 2000; round++) {
        int count = round % 37;
        int[] plain = new int[count];
        pool.run(count, (worker, index) -> plain[index]++);
        assertThat(plain).containsOnly(plain.length == 0 ? new int[0] : new int[] {1});
      }
    }
  }

  @Test
  void workersAreNamedByDistinctNumbersBelowTheirCount() {
    try (WorkerPool pool = new WorkerPool(3, "test")) {
      AtomicIntegerArray inside = new AtomicIntegerArray(3);
      pool.run(
          5000,
          (worker, index) -> {
            assertThat(inside.incrementAndGet(worker)).isEqualTo(1);
            inside.decrementAndGet(worker);
          });
    }
  }

  @Test
  void aParkedPoolWakesUp() throws InterruptedException {
    try (WorkerPool pool = new WorkerPool(2, "test")) {
      for (int round = 0; round < 20; round++) {
        Thread.sleep(5);
        int[] plain = new int[50];
        pool.run(50, (worker, index) -> plain[index]++);
        assertThat(plain).containsOnly(1);
      }
    }
  }

  @Test
  void aPoolThatCannotHaveAllItsThreadsLeavesNoneBehind() throws InterruptedException {
    List<Thread> started = new ArrayList<>();
    ThreadFactory factory =
        worker -> {
          if (started.size() == 2) {
            throw new OutOfMemoryError("a test's threads");
          }
          started.add(new Thread(worker));
          return started.getLast();
        };
    assertThatThrownBy(() -> new WorkerPool(5, factory)).isInstanceOf(OutOfMemoryError.class);
    for (Thread thread : started) {
      thread.join(30_000);
      assertThat(thread.isAlive()).isFalse();
    }
  }

  @Test
  void theFirstFailureReachesTheCallerAndThePoolGoesOn() {
    try (WorkerPool pool = new WorkerPool(2, "test")) {
      assertThatThrownBy(
              () ->
                  pool.run(
                      100,
                      (worker, index) -> {
                        throw new IllegalArgumentException("index " + index);
                      }))
          .isInstanceOf(IllegalArgumentException.class);
      int[] plain = new int[100];
      pool.run(100, (worker, index) -> plain[index]++);
      assertThat(plain).containsOnly(1);
    }
  }
}
