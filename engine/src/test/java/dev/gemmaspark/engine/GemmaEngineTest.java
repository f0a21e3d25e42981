package dev.gemmaspark.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.engine.chat.ChatTurn;
import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.FinishReason;
import dev.gemmaspark.engine.generation.GenerationFailure;
import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.GenerationResult;
import dev.gemmaspark.engine.generation.Prompt;
import dev.gemmaspark.engine.generation.SamplingParameters;
import dev.gemmaspark.engine.generation.StopConditions;
import dev.gemmaspark.engine.generation.Truncation;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The engine with the demo model, as its callers see it. */
class GemmaEngineTest {
  private static final String REPORT =
      "Incident report INC-3008. On 17 January 2024 at 06:15 UTC the catalog service in eu-west started returning HTTP 503"
          + " errors. Sara Jansen was on call and found that a deadlock in the cache layer was to blame. Normal operation"
          + " resumed at 17:39 UTC after restarting the cache nodes. The next step is to test the failover every month.";
  private static final String SUMMARY =
      "On 17 January 2024 the catalog service in eu-west returned HTTP 503 errors because of a deadlock in the cache layer;"
          + " Sara Jansen restored it at 17:39 UTC by restarting the cache nodes.";
  private static final GenerationRequest REQUEST =
      GenerationRequest.of(Prompt.user("Summarize the following document in one sentence.\n\n" + REPORT));

  @TempDir static Path cache;
  private static GemmaEngine engine;

  @BeforeAll
  static void open() {
    engine = GemmaEngine.open(EngineOptions.forModel("demo").withThreads(2).withCacheDirectory(cache));
  }

  @AfterAll
  static void close() {
    engine.close();
  }

  @Test
  void aReportIsSummarized() throws Exception {
    Completion completion = (Completion) engine.submit(REQUEST).get();
    assertThat(completion.text()).isEqualTo(SUMMARY);
    assertThat(completion.finishReason()).isEqualTo(FinishReason.STOP);
    assertThat(completion.usage().promptTokens()).isEqualTo(111);
    assertThat(completion.usage().completionTokens()).isEqualTo(52);
  }

  @Test
  void theListenerHearsTheWholeTextInPieces() throws Exception {
    List<String> pieces = new ArrayList<>();
    engine.submit(REQUEST, pieces::add).get();
    assertThat(pieces).hasSizeGreaterThan(10);
    assertThat(String.join("", pieces)).isEqualTo(SUMMARY);
  }

  @Test
  void aListenerThatHasHeardEnoughEndsTheCompletion() throws Exception {
    StringBuilder heard = new StringBuilder();
    Completion completion =
        (Completion) engine.submit(REQUEST, piece -> heard.append(piece).length() < 20).get();
    assertThat(completion.finishReason()).isEqualTo(FinishReason.CANCELLED);
    assertThat(completion.text()).isEqualTo(heard.toString()).hasSizeBetween(20, 40);
  }

  @Test
  void stopSequencesEndTheTextAndAreNotHeard() throws Exception {
    StringBuilder heard = new StringBuilder();
    StopConditions stop = new StopConditions(256, List.of("never", " errors because"));
    Completion completion =
        (Completion)
            engine
                .submit(
                    REQUEST.with(stop),
                    piece -> {
                      heard.append(piece);
                      return true;
                    })
                .get();
    assertThat(completion.text()).isEqualTo("On 17 January 2024 the catalog service in eu-west returned HTTP 503");
    assertThat(heard.toString()).isEqualTo(completion.text());
    assertThat(completion.finishReason()).isEqualTo(FinishReason.STOP);
  }

  @Test
  void maxTokensEndsTheTextByLength() throws Exception {
    Completion completion = (Completion) engine.submit(REQUEST.with(StopConditions.maxTokens(5))).get();
    assertThat(completion.finishReason()).isEqualTo(FinishReason.LENGTH);
    assertThat(completion.usage().completionTokens()).isEqualTo(5);
    assertThat(SUMMARY).startsWith(completion.text());
  }

  @Test
  void requestsOfManyThreadsGiveWhatTheyGiveAlone() throws Exception {
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      SamplingParameters sampling = SamplingParameters.greedy().withTemperature(i % 3).withSeed(i / 2).withTopK(20);
      requests.add(REQUEST.with(sampling).with(StopConditions.maxTokens(10 + i)));
    }
    List<GenerationResult> alone = new ArrayList<>();
    for (GenerationRequest request : requests) {
      alone.add(engine.submit(request).get());
    }
    List<CompletableFuture<GenerationResult>> together =
        requests.parallelStream().map(engine::submit).toList();
    for (int i = 0; i < requests.size(); i++) {
      assertThat(together.get(i).get()).isEqualTo(alone.get(i));
    }
  }

  @Test
  void aPromptThatDoesNotFitFailsUnlessTruncationIsAskedFor() throws Exception {
    GenerationRequest tooLong = GenerationRequest.of(Prompt.user("word ".repeat(3000))).with(StopConditions.maxTokens(3));
    GenerationFailure failure = (GenerationFailure) engine.submit(tooLong).get();
    assertThat(failure.code()).isEqualTo(GenerationFailure.Code.PROMPT_TOO_LONG);
    assertThat(failure.message()).contains("the context 1024").doesNotContain("word");
    for (Truncation truncation : List.of(Truncation.KEEP_HEAD, Truncation.KEEP_TAIL)) {
      Completion completion = (Completion) engine.submit(tooLong.with(truncation)).get();
      assertThat(completion.usage().promptTokens()).isLessThan(1024);
      assertThat(completion.finishReason()).isNotEqualTo(FinishReason.CANCELLED);
    }
  }

  @Test
  void turnsThatMakeNoConversationAreAFailure() throws Exception {
    Prompt twice = new Prompt.Chat(List.of(ChatTurn.user("a"), ChatTurn.user("b")));
    GenerationFailure failure = (GenerationFailure) engine.submit(GenerationRequest.of(twice)).get();
    assertThat(failure.code()).isEqualTo(GenerationFailure.Code.INVALID_REQUEST);
  }

  @Test
  void aCancelledRequestLeavesTheBatch() throws Exception {
    GenerationRequest endless =
        REQUEST
            .with(SamplingParameters.greedy().withTemperature(50))
            .with(StopConditions.maxTokens(900));
    List<CompletableFuture<GenerationResult>> futures = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      futures.add(engine.submit(endless.with(endless.sampling().withSeed(i))));
    }
    futures.forEach(future -> future.cancel(true));
    assertThat(engine.submit(REQUEST).get(20, TimeUnit.SECONDS)).isInstanceOf(Completion.class);
    long deadline = System.nanoTime() + Duration.ofSeconds(10).toNanos();
    while (engine.stats().runningSequences() + engine.stats().waitingSequences() > 0) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      Thread.sleep(5);
    }
    assertThat(engine.stats().kvCacheBytesUsed()).isZero();
  }

  @Test
  void equalBeginningsOfPromptsAreComputedOnceAndChangeNoText() throws Exception {
    GenerationRequest brief = REQUEST.with(StopConditions.maxTokens(8));
    String alone;
    try (GemmaEngine other = GemmaEngine.open(EngineOptions.forModel("demo").withThreads(2).withCacheDirectory(cache))) {
      alone = ((Completion) other.submit(brief).get()).text();
    }
    List<CompletableFuture<GenerationResult>> futures = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      futures.add(engine.submit(brief));
    }
    int cached = 0;
    for (CompletableFuture<GenerationResult> future : futures) {
      Completion completion = (Completion) future.get();
      assertThat(completion.text()).isEqualTo(alone);
      cached += completion.usage().cachedTokens();
    }
    assertThat(cached).isGreaterThanOrEqualTo(9 * 96);
  }

  @Test
  void aSmallCacheMakesRequestsWaitAndNotFail() throws Exception {
    EngineOptions small =
        EngineOptions.forModel("demo").withThreads(1).withCacheDirectory(cache).withKvCacheBytes(2 << 20);
    try (GemmaEngine tight = GemmaEngine.open(small)) {
      List<CompletableFuture<GenerationResult>> futures = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        futures.add(tight.submit(REQUEST));
      }
      for (CompletableFuture<GenerationResult> future : futures) {
        assertThat(((Completion) future.get()).text()).isEqualTo(SUMMARY);
      }
      GenerationFailure failure =
          (GenerationFailure) tight.submit(REQUEST.with(StopConditions.maxTokens(900))).get();
      assertThat(failure.message()).contains("KV cache");
    }
  }

  @Test
  void closingEndsWhatIsRunning() {
    GemmaEngine other = GemmaEngine.open(EngineOptions.forModel("demo").withThreads(2).withCacheDirectory(cache));
    List<CompletableFuture<GenerationResult>> futures = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      futures.add(other.submit(REQUEST));
    }
    other.close();
    futures.add(other.submit(REQUEST));
    assertThat(futures).allMatch(CompletableFuture::isDone);
    assertThatThrownBy(() -> futures.getLast().get())
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(IllegalStateException.class);
  }

  /** As large as a number can be: as many as the context has room for. */
  @Test
  void asManyTokensAsThereAreNumbersAreAsManyAsTheContextHas() throws Exception {
    GenerationRequest endless = REQUEST.with(StopConditions.maxTokens(Integer.MAX_VALUE));
    assertThat(((Completion) engine.submit(endless).get(60, TimeUnit.SECONDS)).text()).isEqualTo(SUMMARY);
    try (GemmaEngine tight = GemmaEngine.open(options().withKvCacheBytes(1 << 20))) {
      GenerationFailure failure = (GenerationFailure) tight.submit(endless).get(60, TimeUnit.SECONDS);
      assertThat(failure.code()).isEqualTo(GenerationFailure.Code.PROMPT_TOO_LONG);
      assertThat(failure.message()).contains("may take 1024 tokens, more than the KV cache holds");
      GenerationRequest brief = GenerationRequest.of(Prompt.user("a")).with(StopConditions.maxTokens(3));
      assertThat(tight.submit(brief).get(60, TimeUnit.SECONDS)).isInstanceOf(Completion.class);
    }
  }

  @Test
  void aRequestThatFitsTheCacheExactlyIsDone() throws Exception {
    long positions;
    try (GemmaEngine brief = GemmaEngine.open(options().withContextLength(128).withMaxSequences(1).withKvCacheBytes(1L << 30))) {
      positions = brief.stats().kvCacheBytesBudget();
    }
    // 128 of them; the last token made needs none
    try (GemmaEngine exact = GemmaEngine.open(options().withKvCacheBytes(positions))) {
      assertThat(exact.submit(REQUEST.with(StopConditions.maxTokens(128 - 111 + 1))).get()).isInstanceOf(Completion.class);
      assertThat(exact.submit(REQUEST.with(StopConditions.maxTokens(128 - 111 + 2))).get()).isInstanceOf(GenerationFailure.class);
    }
  }

  @Test
  void aPromptThatCannotFitIsRefusedWithoutBeingEncoded() throws Exception {
    GenerationRequest huge = GenerationRequest.of(Prompt.user("word ".repeat(20_000_000)));
    GenerationFailure failure = (GenerationFailure) engine.submit(huge).get();
    assertThat(failure.code()).isEqualTo(GenerationFailure.Code.PROMPT_TOO_LONG);
    assertThat(failure.message()).contains("the prompt has at least ").contains("the context 1024").doesNotContain("word");
  }

  @Test
  void anInterruptedCallersFutureIsCancelledAndNothingIsThrown() {
    Thread.currentThread().interrupt();
    GenerationRequest longer = GenerationRequest.of(Prompt.user("word ".repeat(50_000))).with(Truncation.KEEP_HEAD);
    CompletableFuture<GenerationResult> future = engine.submit(longer);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(future).isCancelled();
  }

  @Test
  void closingInWhatHangsOnAFutureEnds() throws Exception {
    GemmaEngine other = GemmaEngine.open(options());
    CompletableFuture<GenerationResult> second = other.submit(REQUEST);
    CountDownLatch hung = new CountDownLatch(1);
    CompletableFuture<Void> closing = other.submit(REQUEST.with(StopConditions.maxTokens(5)), piece -> await(hung)).thenRun(other::close);
    hung.countDown();
    closing.get(60, TimeUnit.SECONDS);
    assertThat(second).isDone();
    assertEnded(other);
  }

  @Test
  void closingInAListenerEnds() throws Exception {
    GemmaEngine other = GemmaEngine.open(options());
    CompletableFuture<GenerationResult> future =
        other.submit(
            REQUEST,
            piece -> {
              other.close();
              return true;
            });
    assertThatThrownBy(() -> future.get(60, TimeUnit.SECONDS)).hasCauseInstanceOf(IllegalStateException.class);
    other.close();
    assertEnded(other);
  }

  @Test
  void closingByManyThreadsEnds() throws Exception {
    GemmaEngine other = GemmaEngine.open(options());
    CompletableFuture<GenerationResult> future = other.submit(REQUEST);
    CompletableFuture<?>[] closing = new CompletableFuture<?>[4];
    for (int i = 0; i < closing.length; i++) {
      closing[i] =
          CompletableFuture.runAsync(
              () -> {
                other.close();
                assertThat(future).isDone();
              });
    }
    CompletableFuture.allOf(closing).get(60, TimeUnit.SECONDS);
    assertEnded(other);
  }

  @Test
  void whatIsSlowAfterOneRequestStallsNoOther() throws Exception {
    CountDownLatch others = new CountDownLatch(1);
    CountDownLatch hung = new CountDownLatch(1);
    // it does not end before something hangs on it
    CompletableFuture<GenerationResult> first = engine.submit(REQUEST.with(StopConditions.maxTokens(5)), piece -> await(hung));
    CountDownLatch begun = new CountDownLatch(1);
    CompletableFuture<Boolean> slow =
        first.thenApply(
            result -> {
              begun.countDown();
              return await(others);
            });
    hung.countDown();
    // not first.get(), which may run what hangs on it itself
    assertThat(await(begun)).isTrue();
    engine.submit(REQUEST).get(60, TimeUnit.SECONDS);
    others.countDown();
    assertThat(slow.get()).isTrue();
  }

  private static boolean await(CountDownLatch latch) {
    try {
      return latch.await(60, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void assertEnded(GemmaEngine engine) {
    assertThat(engine.stats().runningSequences()).isZero();
    assertThat(engine.stats().kvCacheBytesUsed()).isZero();
    assertThatThrownBy(() -> engine.submit(REQUEST).get(60, TimeUnit.SECONDS)).hasMessageContaining("the engine was closed");
  }

  private static EngineOptions options() {
    return EngineOptions.forModel("demo").withThreads(2).withCacheDirectory(cache);
  }

  @Test
  void theModelDescribesItself() {
    ModelDescription model = engine.model();
    assertThat(model.name()).isEqualTo("demo");
    assertThat(model.parameters()).isEqualTo(5_380_352);
    assertThat(model.sha256()).matches("[0-9a-f]{64}");
    assertThat(model.contextLength()).isEqualTo(1024);
  }
}
