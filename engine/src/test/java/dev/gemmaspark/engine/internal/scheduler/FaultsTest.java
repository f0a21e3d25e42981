package dev.gemmaspark.engine.internal.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.GenerationFailure;
import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.GenerationResult;
import dev.gemmaspark.engine.generation.Prompt;
import dev.gemmaspark.engine.generation.SamplingParameters;
import dev.gemmaspark.engine.generation.StopConditions;
import dev.gemmaspark.engine.generation.TokenListener;
import dev.gemmaspark.engine.internal.cache.KvCachePool;
import dev.gemmaspark.engine.internal.cache.ScarceMemory;
import dev.gemmaspark.engine.internal.kernel.VectorKernels;
import dev.gemmaspark.engine.internal.model.GemmaModel;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import dev.gemmaspark.engine.internal.sampling.Sampler;
import dev.gemmaspark.engine.internal.tensor.KvType;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.RandomWeights;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.tokenizer.Vocabulary;
import dev.gemmaspark.engine.internal.weights.ModelWeights;
import dev.gemmaspark.engine.internal.weights.RandomModel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.slf4j.LoggerFactory;
import org.slf4j.Marker;
import org.slf4j.event.Level;
import org.slf4j.helpers.LegacyAbstractLogger;
import org.slf4j.helpers.MessageFormatter;

/** Faults at every place where a step can fail: the culprit alone fails, and the engine goes on. */
class FaultsTest {
  private static final ModelWeights<PackedMatrix> MODEL =
      RandomModel.gemma2(TensorType.Q8_0).map((name, matrix) -> RandomWeights.packed(matrix));
  private static final int CONTEXT = 128;
  private static final int STEP_TOKENS = 32;
  private static final int NO_TOKEN = 100_000;
  private static final TokenListener GO_ON = piece -> true;

  /** Where a step can fail for one of its sequences; memory, which may fail anywhere, has a test of its own. */
  enum Fault {
    FORWARD {
      @Override
      Sequence culprit() {
        int[] prompt = prompt(20, 3);
        prompt[19] = NO_TOKEN;
        return sequence(request(9, 5), prompt, GO_ON);
      }
    },
    SAMPLING {
      @Override
      Sequence culprit() {
        GenerationRequest request = request(9, 5);
        // it will lower the logit of a token that there is not
        Sampler sampler = new Sampler(request.sampling(), new int[] {1_000_000_000});
        return new Sequence(request, prompt(20, 3), CONTEXT, sampler, MODEL.vocabulary(), Set.of(1), GO_ON);
      }
    },
    DETOKENIZING {
      @Override
      Sequence culprit() {
        Vocabulary all = MODEL.vocabulary();
        Vocabulary few =
            new Vocabulary(
                Arrays.copyOf(all.pieces(), 6),
                new float[6],
                Arrays.copyOf(all.types(), 6),
                all.bos(),
                all.eos(),
                all.unknown(),
                OptionalInt.of(4),
                OptionalInt.of(5));
        return new Sequence(request(9, 5), prompt(20, 3), CONTEXT, few, Set.of(1), GO_ON);
      }
    },
    LISTENER {
      @Override
      Sequence culprit() {
        AtomicInteger pieces = new AtomicInteger();
        TokenListener listener =
            piece -> {
              if (pieces.incrementAndGet() == 2) {
                throw new StackOverflowError("in the middle of the others' decoding");
              }
              return true;
            };
        return sequence(request(9, 20), prompt(20, 3), listener);
      }
    },
    LISTENER_WITH_AN_UNPRINTABLE_ERROR {
      @Override
      Sequence culprit() {
        return sequence(
            request(9, 20),
            prompt(20, 3),
            piece -> {
              throw new Unprintable();
            });
      }
    };

    abstract Sequence culprit();
  }

  @ParameterizedTest
  @EnumSource
  void onlyTheCulpritFailsAndTheEngineGoesOn(Fault fault) throws Exception {
    List<String> expected = expected();
    try (Engine engine = new Engine(new ScarceMemory(), 8)) {
      for (int place : List.of(0, 2, 5)) {
        List<Sequence> batch = innocents();
        batch.add(place, fault.culprit());
        List<GenerationResult> results = engine.run(batch);
        GenerationFailure failure = (GenerationFailure) results.remove(place);
        assertThat(failure.code()).isEqualTo(GenerationFailure.Code.INTERNAL);
        assertThat(failure.message()).contains("the engine failed (").contains("its log has the details");
        assertThat(results).extracting(FaultsTest::text).isEqualTo(expected);
        engine.assertIdle();
      }
      assertThat(engine.run(innocents())).extracting(FaultsTest::text).isEqualTo(expected);
    }
  }

  /** The first allocation fails, the second, and so on: at admissions and in the middle of texts. */
  @Test
  void memoryThatIsRefusedFailsTheOneThatAskedForIt() throws Exception {
    List<String> expected = expected();
    int allocations = 0;
    while (failsOne(allocations, expected)) {
      allocations++;
    }
    // a shared block and two more of each, in three layers, at the least
    assertThat(allocations).isGreaterThan(20);
  }

  private static boolean failsOne(int allocation, List<String> expected) throws Exception {
    ScarceMemory memory = new ScarceMemory();
    memory.failAfter(allocation);
    try (Engine engine = new Engine(memory, 8)) {
      List<GenerationResult> results = engine.run(innocents());
      List<GenerationResult> failures = results.stream().filter(GenerationFailure.class::isInstance).toList();
      assertThat(failures).hasSizeLessThan(2);
      for (int i = 0; i < results.size(); i++) {
        if (results.get(i) instanceof GenerationFailure failure) {
          assertThat(failure.message()).contains("The KV cache cannot have").contains("lower kvCacheMemory, or raise -XX:MaxDirectMemorySize");
        } else {
          assertThat(text(results.get(i))).isEqualTo(expected.get(i));
        }
      }
      engine.assertIdle();
      if (failures.isEmpty()) {
        return false;
      }
      assertThat(engine.run(innocents())).extracting(FaultsTest::text).isEqualTo(expected);
      engine.assertIdle();
      return true;
    }
  }

  @Test
  void withoutMemoryOnTheHeapEveryFutureEndsAndTheMemoryOutsideItIsGivenBack() throws Exception {
    ScarceMemory memory = new ScarceMemory();
    try (Engine engine = new Engine(memory, 2)) {
      List<Sequence> sequences = innocents();
      sequences.addFirst(
          sequence(
              request(0, 20),
              prompt(20, 0),
              piece -> {
                throw new OutOfMemoryError("a test's heap");
              }));
      assertThat(engine.scheduler.hasEnded()).isFalse();
      sequences.forEach(engine.scheduler::submit);
      for (Sequence sequence : sequences) {
        assertThatThrownBy(() -> sequence.result().get(30, TimeUnit.SECONDS))
            .isInstanceOf(ExecutionException.class)
            .cause()
            .isInstanceOfAny(OutOfMemoryError.class, IllegalStateException.class);
      }
      assertThat(engine.scheduler.hasEnded()).isTrue();
      Sequence late = innocents().getFirst();
      engine.scheduler.submit(late);
      assertThatThrownBy(() -> late.result().get(30, TimeUnit.SECONDS))
          .hasCauseInstanceOf(IllegalStateException.class)
          .hasMessageContaining("the engine ended by java.lang.OutOfMemoryError");
    }
    assertThat(memory.scope().isAlive()).isFalse();
  }

  /** What only a bug can cause: the one that waits must not wait for ever, nor those behind it. */
  @Test
  void whatDoesNotFitThoughNothingRunsFails() throws Exception {
    try (Engine engine = new Engine(new ScarceMemory(), 8)) {
      // nobody else knows of this one
      engine.caches.open(CONTEXT * 30, STEP_TOKENS);
      List<Sequence> sequences = innocents();
      for (GenerationResult result : engine.run(sequences)) {
        assertThat(((GenerationFailure) result).message()).contains("more than the KV cache holds");
      }
    }
  }

  @Test
  void closingWhileCulpritsAreSoughtEndsTheSearch() throws Exception {
    List<Sequence> sequences = new ArrayList<>();
    AtomicInteger heard = new AtomicInteger();
    try (Engine engine = new Engine(new ScarceMemory(), 8)) {
      sequences.add(Fault.FORWARD.culprit());
      for (int i = 0; i < 5; i++) {
        sequences.add(
            sequence(
                request(i, 20),
                prompt(20, i),
                piece -> {
                  heard.incrementAndGet();
                  engine.scheduler.close();
                  return true;
                }));
      }
      sequences.forEach(engine.scheduler::submit);
      for (Sequence sequence : sequences.subList(1, sequences.size())) {
        assertThatThrownBy(() -> sequence.result().get(30, TimeUnit.SECONDS)).hasCauseInstanceOf(IllegalStateException.class);
      }
    }
    assertThat(heard).hasValue(1);
  }

  @Test
  void aStepThatFailsWhileTheLogCannotBeWrittenFailsForTheCulpritAlone() throws Exception {
    List<String> expected = expected();
    AtomicInteger tries = new AtomicInteger();
    FailureLog unwritable =
        new FailureLog(
            new FakeLogger(
                (message, e) -> {
                  tries.incrementAndGet();
                  throw new NoClassDefFoundError("a test's log");
                }));
    try (Engine engine = new Engine(new ScarceMemory(), 8, unwritable)) {
      List<Sequence> batch = innocents();
      batch.add(2, Fault.FORWARD.culprit());
      List<GenerationResult> results = engine.run(batch);
      assertThat(tries).hasPositiveValue();
      assertThat(results.remove(2)).isInstanceOf(GenerationFailure.class);
      assertThat(results).extracting(FaultsTest::text).isEqualTo(expected);
      assertThat(engine.run(innocents())).extracting(FaultsTest::text).isEqualTo(expected);
    }
  }

  @Test
  void anErrorThatCannotBePrintedIsLoggedByItsName() {
    List<String> messages = new ArrayList<>();
    FailureLog log =
        new FailureLog(
            new FakeLogger(
                (message, e) -> {
                  if (e != null) {
                    e.getMessage();
                  }
                  messages.add(message);
                }));
    log.error("It failed", new Unprintable());
    log.warn("It failed", new Unprintable());
    String name = Unprintable.class.getName();
    assertThat(messages).containsExactly("It failed; its " + name + " cannot be printed", "It failed; its " + name + " cannot be printed");
  }

  @Test
  void memoryThatIsNotGivenBackIsLoggedAndTheThreadsEndAllTheSame() throws Exception {
    List<String> messages = Collections.synchronizedList(new ArrayList<>());
    ScarceMemory memory = new ScarceMemory();
    memory.failClose();
    try (Engine engine = new Engine(memory, 8, new FailureLog(new FakeLogger((message, e) -> messages.add(message + ": " + e))))) {
      engine.run(innocents());
    }
    assertThat(messages)
        .containsExactly("The KV cache's memory was not given back: java.lang.IllegalStateException: a test's memory is in use");
    for (Thread thread : Thread.getAllStackTraces().keySet()) {
      if (thread.getName().startsWith("faults-test-")) {
        assertThat(thread.join(Duration.ofSeconds(30))).as(thread.getName()).isTrue();
      }
    }
  }

  private static List<String> expected() throws Exception {
    List<String> texts = new ArrayList<>();
    try (Engine engine = new Engine(new ScarceMemory(), 1)) {
      for (Sequence sequence : innocents()) {
        texts.add(text(engine.run(List.of(sequence)).getFirst()));
      }
    }
    return texts;
  }

  /** Three that share the beginning of their prompts, for they stay in the model's window, and two that do not. */
  private static List<Sequence> innocents() {
    List<Sequence> sequences = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      sequences.add(sequence(request(i, i < 3 ? 5 : 3 * i), prompt(i == 3 ? 45 : 20, i), GO_ON));
    }
    return sequences;
  }

  private static GenerationRequest request(int seed, int maxTokens) {
    return GenerationRequest.of(Prompt.user("unused"))
        .with(new SamplingParameters(0.9, 20, 1, 0, 1.2, seed))
        .with(StopConditions.maxTokens(maxTokens));
  }

  private static int[] prompt(int length, int last) {
    int[] prompt = new int[length];
    for (int i = 0; i < length; i++) {
      prompt[i] = 6 + i * (length == 20 ? 5 : 7) % 250;
    }
    prompt[length - 1] = 10 + last;
    return prompt;
  }

  private static Sequence sequence(GenerationRequest request, int[] prompt, TokenListener listener) {
    return new Sequence(request, prompt, CONTEXT, MODEL.vocabulary(), Set.of(1), listener);
  }

  private static String text(GenerationResult result) {
    assertThat(result).isInstanceOf(Completion.class);
    return ((Completion) result).text();
  }

  /** A scheduler with a cache that takes its memory block by block. */
  private static final class Engine implements AutoCloseable {
    private final KvCachePool caches;
    private final Scheduler scheduler;

    Engine(ScarceMemory memory, int maxSequences) {
      this(memory, maxSequences, new FailureLog(LoggerFactory.getLogger(Scheduler.class)));
    }

    Engine(ScarceMemory memory, int maxSequences, FailureLog log) {
      WorkerPool pool = new WorkerPool(2, "faults-test");
      GemmaModel model = new GemmaModel(MODEL, new VectorKernels(), pool, STEP_TOKENS, CONTEXT, KvType.F32);
      long budget = model.cacheShape().blocks(CONTEXT * 30 + 32, STEP_TOKENS) * model.cacheShape().block().blockBytes();
      caches = new KvCachePool(model.cacheShape(), budget, 1, memory);
      scheduler = new Scheduler(model, MODEL.config().vocabSize(), caches, pool, maxSequences, log);
    }

    List<GenerationResult> run(List<Sequence> sequences) throws Exception {
      sequences.forEach(scheduler::submit);
      List<GenerationResult> results = new ArrayList<>();
      for (Sequence sequence : sequences) {
        results.add(sequence.result().get(30, TimeUnit.SECONDS));
      }
      return results;
    }

    void assertIdle() {
      assertThat(scheduler.stats().runningSequences()).isZero();
      assertThat(scheduler.stats().kvCacheBytesReserved()).isZero();
    }

    @Override
    public void close() {
      scheduler.close();
    }
  }

  /** Hands errors and warnings on, with their arguments in their places. */
  private static final class FakeLogger extends LegacyAbstractLogger {
    private static final long serialVersionUID = 1L;
    private final transient BiConsumer<String, Throwable> written;

    FakeLogger(BiConsumer<String, Throwable> written) {
      this.written = written;
    }

    @Override
    protected void handleNormalizedLoggingCall(Level level, Marker marker, String message, Object[] arguments, Throwable e) {
      written.accept(MessageFormatter.basicArrayFormat(message, arguments), e);
    }

    @Override
    protected String getFullyQualifiedCallerName() {
      return null;
    }

    @Override
    public boolean isTraceEnabled() {
      return false;
    }

    @Override
    public boolean isDebugEnabled() {
      return false;
    }

    @Override
    public boolean isInfoEnabled() {
      return false;
    }

    @Override
    public boolean isWarnEnabled() {
      return true;
    }

    @Override
    public boolean isErrorEnabled() {
      return true;
    }
  }

  private static final class Unprintable extends RuntimeException {
    private static final long serialVersionUID = 1L;

    @Override
    public String getMessage() {
      throw new IllegalStateException("no message");
    }
  }
}
