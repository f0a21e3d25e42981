package dev.gemmaspark.engine.arrow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.engine.chat.ChatTurn;
import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.FinishReason;
import dev.gemmaspark.engine.generation.GenerationFailure;
import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.GenerationResult;
import dev.gemmaspark.engine.generation.Prompt;
import dev.gemmaspark.engine.generation.SamplingParameters;
import dev.gemmaspark.engine.generation.StopConditions;
import dev.gemmaspark.engine.generation.TokenUsage;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.impl.UnionListWriter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Batches with a generator whose answers the test gives; every test ends with no Arrow memory in use. */
class ArrowGeneratorTest {
  private final RootAllocator allocator = new RootAllocator();
  private final List<GenerationRequest> requests = new ArrayList<>();
  private final List<CompletableFuture<GenerationResult>> futures = new ArrayList<>();
  private final ArrowGenerator generator =
      new ArrowGenerator(
          request -> {
            requests.add(request);
            futures.add(new CompletableFuture<>());
            return futures.getLast();
          },
          allocator);

  @AfterEach
  void noMemoryIsInUse() {
    generator.close();
    assertThat(allocator.getAllocatedMemory()).isZero();
    allocator.close();
  }

  @Test
  void resultsHaveTheOrderOfTheRequestsWhateverEndsFirst() throws Exception {
    ArrowGenerator.Batch batch = submit("a", "b", "c");
    futures.get(2).complete(completion("C"));
    futures.get(0).complete(completion("A"));
    futures.get(1).complete(completion("B"));
    try (VectorSchemaRoot results = batch.await(() -> {})) {
      assertThat(results.getSchema()).isEqualTo(GenerationSchema.RESULTS);
      assertThat(texts(results, GenerationSchema.TEXT)).containsExactly("A", "B", "C");
      assertThat(texts(results, GenerationSchema.FINISH_REASON)).containsOnly("length");
      assertThat(results.getVector(GenerationSchema.PROMPT_TOKENS).getObject(2)).isEqualTo(3);
      assertThat(results.getVector(GenerationSchema.COMPLETION_TOKENS).getObject(2)).isEqualTo(4);
      assertThat(results.getVector(GenerationSchema.ERROR).getNullCount()).isEqualTo(3);
    }
  }

  @Test
  void aNullPromptCostsNothingAndHasANullResult() throws Exception {
    ArrowGenerator.Batch batch = submit(null, "x", null);
    assertThat(requests).hasSize(1);
    futures.getFirst().complete(completion("X"));
    try (VectorSchemaRoot results = batch.await(() -> {})) {
      assertThat(texts(results, GenerationSchema.TEXT)).containsExactly(null, "X", null);
      assertThat(texts(results, GenerationSchema.ERROR)).containsOnlyNulls();
    }
  }

  @Test
  void aFailureIsItsRowsErrorAndNoOther() throws Exception {
    ArrowGenerator.Batch batch = submit("a", "b");
    futures.get(0).complete(new GenerationFailure(GenerationFailure.Code.PROMPT_TOO_LONG, "too long"));
    futures.get(1).complete(completion("B"));
    try (VectorSchemaRoot results = batch.await(() -> {})) {
      assertThat(texts(results, GenerationSchema.TEXT)).containsExactly(null, "B");
      assertThat(texts(results, GenerationSchema.ERROR)).containsExactly("PROMPT_TOO_LONG: too long", null);
    }
  }

  /** What a generator gives to a caller that was interrupted while its prompt was encoded: the task is being killed. */
  @Test
  void aPromptThatWasNotHandedInEndsTheBatchAsAnInterruptAndNotAsAnError() {
    ArrowGenerator.Batch batch = submit("a", "b");
    futures.get(0).complete(completion("A"));
    futures.get(1).cancel(false);
    assertThatThrownBy(() -> batch.await(() -> {})).isInstanceOf(InterruptedException.class);
  }

  @Test
  void aTextThatComesAgainIsAskedOnceUnlessItFailed() throws Exception {
    ArrowGenerator.Batch first = submit("a", "a", "b");
    assertThat(first.requests()).isEqualTo(2);
    assertThat(submit("a").requests()).isZero();
    futures.get(0).complete(completion("A"));
    futures.get(1).complete(new GenerationFailure(GenerationFailure.Code.INTERNAL, "not today"));
    ArrowGenerator.Batch second = submit("b", "a");
    assertThat(second.requests()).isEqualTo(1);
    futures.get(2).complete(completion("B"));
    try (VectorSchemaRoot results = second.await(() -> {})) {
      assertThat(texts(results, GenerationSchema.TEXT)).containsExactly("B", "A");
    }
  }

  @Test
  void allColumnsReachTheRequestAndNullsAreDefaults() throws Exception {
    try (VectorSchemaRoot rows = VectorSchemaRoot.create(GenerationSchema.REQUESTS, allocator)) {
      rows.allocateNew();
      set(rows, GenerationSchema.PROMPT, "Frag’ nicht 😀");
      set(rows, GenerationSchema.SYSTEM, "Be kind.");
      ((IntVector) rows.getVector(GenerationSchema.MAX_TOKENS)).setSafe(0, 7);
      ((Float8Vector) rows.getVector(GenerationSchema.TEMPERATURE)).setSafe(0, 0.5);
      ((IntVector) rows.getVector(GenerationSchema.TOP_K)).setSafe(0, 3);
      ((Float8Vector) rows.getVector(GenerationSchema.TOP_P)).setSafe(0, 0.9);
      ((Float8Vector) rows.getVector(GenerationSchema.MIN_P)).setSafe(0, 0.1);
      ((Float8Vector) rows.getVector(GenerationSchema.REPETITION_PENALTY)).setSafe(0, 1.5);
      ((BigIntVector) rows.getVector(GenerationSchema.SEED)).setSafe(0, 1L << 40);
      UnionListWriter stop = ((ListVector) rows.getVector(GenerationSchema.STOP)).getWriter();
      stop.setPosition(0);
      stop.startList();
      stop.writeVarChar("x");
      stop.writeVarChar("yz");
      stop.endList();
      rows.setRowCount(2);
      ((VarCharVector) rows.getVector(GenerationSchema.PROMPT)).setSafe(1, "b".getBytes(StandardCharsets.UTF_8));
      rows.getVector(GenerationSchema.PROMPT).setValueCount(2);
      generator.submit(rows);
    }
    GenerationRequest full = requests.get(0);
    assertThat(full.prompt())
        .isEqualTo(new Prompt.Chat(List.of(ChatTurn.system("Be kind."), ChatTurn.user("Frag’ nicht 😀"))));
    assertThat(full.sampling()).isEqualTo(new SamplingParameters(0.5, 3, 0.9, 0.1, 1.5, 1L << 40));
    assertThat(full.stop()).isEqualTo(new StopConditions(7, List.of("x", "yz")));
    assertThat(requests.get(1)).isEqualTo(GenerationRequest.of(Prompt.user("b")));
  }

  @Test
  void aParameterOutOfRangeFailsItsRow() throws Exception {
    ArrowGenerator.Batch batch;
    try (VectorSchemaRoot rows = VectorSchemaRoot.create(GenerationSchema.REQUESTS, allocator)) {
      rows.allocateNew();
      set(rows, GenerationSchema.PROMPT, "a");
      ((Float8Vector) rows.getVector(GenerationSchema.TEMPERATURE)).setSafe(0, -1);
      rows.setRowCount(1);
      batch = generator.submit(rows);
    }
    assertThat(requests).isEmpty();
    try (VectorSchemaRoot results = batch.await(() -> {})) {
      assertThat(texts(results, GenerationSchema.ERROR).getFirst()).startsWith("INVALID_REQUEST: temperature is -1.0");
    }
  }

  @Test
  void severalBatchesAreOnTheirWayAndClosingCancelsThem() throws Exception {
    ArrowGenerator.Batch first = submit("a");
    submit("b", "c");
    assertThat(futures).hasSize(3);
    futures.getFirst().complete(completion("A"));
    first.await(() -> {}).close();
    generator.close();
    assertThat(futures.get(0)).isNotCancelled();
    assertThat(futures.subList(1, 3)).allMatch(CompletableFuture::isCancelled);
  }

  @Test
  void whoeverWaitsMayGiveUp() {
    ArrowGenerator.Batch batch = submit("a");
    assertThatThrownBy(
            () ->
                batch.await(
                    () -> {
                      throw new IllegalStateException("killed");
                    }))
        .hasMessage("killed");
    generator.close();
    assertThat(futures.getFirst()).isCancelled();
  }

  @Test
  void anEngineThatEndsIsAnExceptionAndAnErrorIsNotItsCause() {
    ArrowGenerator.Batch batch = submit("a");
    futures.getFirst().completeExceptionally(new StackOverflowError());
    assertThatThrownBy(() -> batch.await(() -> {}))
        .isInstanceOf(GemmaException.class)
        .hasMessageStartingWith("The engine ended before the request did")
        .hasNoCause();
  }

  @Test
  void anEmptyBatchHasAnEmptyResult() throws Exception {
    try (VectorSchemaRoot results = submit().await(() -> {})) {
      assertThat(results.getRowCount()).isZero();
    }
  }

  private ArrowGenerator.Batch submit(String... prompts) {
    try (VectorSchemaRoot rows = VectorSchemaRoot.create(GenerationSchema.REQUESTS, allocator)) {
      rows.allocateNew();
      VarCharVector vector = (VarCharVector) rows.getVector(GenerationSchema.PROMPT);
      for (int i = 0; i < prompts.length; i++) {
        if (prompts[i] != null) {
          vector.setSafe(i, prompts[i].getBytes(StandardCharsets.UTF_8));
        }
      }
      rows.setRowCount(prompts.length);
      return generator.submit(rows);
    }
  }

  private static void set(VectorSchemaRoot rows, String column, String text) {
    ((VarCharVector) rows.getVector(column)).setSafe(0, text.getBytes(StandardCharsets.UTF_8));
  }

  private static Completion completion(String text) {
    return new Completion(text, FinishReason.LENGTH, new TokenUsage(3, 4, 0));
  }

  private static List<String> texts(VectorSchemaRoot rows, String column) {
    FieldVector vector = rows.getVector(column);
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < rows.getRowCount(); i++) {
      texts.add(vector.isNull(i) ? null : vector.getObject(i).toString());
    }
    return texts;
  }
}
