package dev.gemmaspark.engine.arrow;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.GenerationResult;
import dev.gemmaspark.engine.generation.Prompt;
import dev.gemmaspark.engine.generation.StopConditions;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class KnownRequestsTest {
  private final KnownRequests known = new KnownRequests();

  private GenerationRequest add(String text, int maxTokens) {
    GenerationRequest request = GenerationRequest.of(new Prompt.Raw(text)).with(StopConditions.maxTokens(maxTokens));
    known.add(request, new CompletableFuture<GenerationResult>());
    return request;
  }

  @Test
  void theOldestOfManyGo() {
    GenerationRequest first = add("first", 1);
    GenerationRequest used = add("used", 1);
    GenerationRequest last = first;
    for (int i = 0; i < 20_000; i++) {
      last = add("text " + i, 1);
      assertThat(known.find(used)).isPresent();
    }
    assertThat(known.find(last)).isPresent();
    assertThat(known.find(first)).isEmpty();
    assertThat(known.size()).isBetween(10_000, 17_000);
  }

  @Test
  void ofThoseThatMayBecomeLongFewerAreKept() {
    for (int i = 0; i < 10_000; i++) {
      add("text " + i, 1000);
    }
    assertThat(known.size()).isLessThan(1000);
    int before = known.size();
    add("too long", Integer.MAX_VALUE);
    add("x".repeat(20_000), 1);
    assertThat(known.size()).isEqualTo(before);
  }

  @Test
  void whatComesTwiceCountsOnce() {
    for (int i = 0; i < 100_000; i++) {
      add("same", 1000);
    }
    add("other", 1);
    assertThat(known.size()).isEqualTo(2);
  }
}
