package dev.gemmaspark.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.engine.error.InvalidSettingException;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What cannot be asked of a probe is said before anything is computed. */
class LogitsProbeTest {
  @TempDir static Path cache;

  @Test
  void whatFitsTheContextExactlyIsAnsweredAndAnyMoreIsRefused() {
    try (LogitsProbe probe = LogitsProbe.open(options().withContextLength(40), 16, 2)) {
      assertThat(ask(probe, new int[40], 0).greedy()).isEmpty();
      assertThat(ask(probe, new int[38], 3).greedy()).hasSize(3);
      refused(() -> ask(probe, new int[41], 0), "a line has 41 tokens and goes on for 0; the context has 40");
      refused(() -> ask(probe, new int[38], 4), "a line has 38 tokens and goes on for 4; the context has 40");
      refused(() -> ask(probe, new int[38], Integer.MAX_VALUE), "the context has 40");
      refused(() -> ask(probe, new int[0], 0), "tokens is []; it must be at least one token");
      refused(() -> ask(probe, new int[1], -1), "greedy is -1");
      refused(() -> ask(probe, new int[] {1 << 20}, 0), "there is no token 1048576");
    }
  }

  @Test
  void moreLogitsThanAnArrayHoldsAreRefused() {
    refused(() -> LogitsProbe.open(options(), 1024, 1 << 20), "chunk x batch is 1024 x 1048576; it must be at most ");
    refused(() -> LogitsProbe.open(options(), 1 << 30, Integer.MAX_VALUE), "chunk x batch is 1024 x 2147483647");
    refused(() -> LogitsProbe.open(options(), 0, 1), "chunk is 0; it must be at least 1");
    refused(() -> LogitsProbe.open(options(), 1, 0), "batch is 0; it must be at least 1");
  }

  private static void refused(ThrowingCallable call, String message) {
    assertThatThrownBy(call).isInstanceOf(InvalidSettingException.class).hasMessageContaining(message);
  }

  private static LogitsProbe.Answer ask(LogitsProbe probe, int[] tokens, int greedy) {
    return probe.ask(List.of(new LogitsProbe.Query(tokens, greedy))).getFirst();
  }

  private static EngineOptions options() {
    return EngineOptions.forModel("demo").withThreads(2).withCacheDirectory(cache);
  }
}
