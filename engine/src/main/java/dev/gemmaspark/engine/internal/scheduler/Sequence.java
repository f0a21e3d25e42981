package dev.gemmaspark.engine.internal.scheduler;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.FinishReason;
import dev.gemmaspark.engine.generation.GenerationFailure;
import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.GenerationResult;
import dev.gemmaspark.engine.generation.TokenListener;
import dev.gemmaspark.engine.generation.TokenUsage;
import dev.gemmaspark.engine.internal.cache.KvCache;
import dev.gemmaspark.engine.internal.cache.KvFault;
import dev.gemmaspark.engine.internal.model.GemmaModel;
import dev.gemmaspark.engine.internal.model.Step;
import dev.gemmaspark.engine.internal.sampling.Sampler;
import dev.gemmaspark.engine.internal.tokenizer.StreamingDetokenizer;
import dev.gemmaspark.engine.internal.tokenizer.Vocabulary;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.slf4j.LoggerFactory;

/**
 * A request on its way: its prompt, how much of it is computed, and what has been made. Built by the submitting thread, then owned by
 * the scheduler's; the future is shared.
 */
public final class Sequence {
  /** No token has been picked. */
  private static final int NONE = Integer.MIN_VALUE;

  private static final FailureLog LOG = new FailureLog(LoggerFactory.getLogger(Sequence.class));

  private final int[] prompt;
  private final int maxTokens;
  private final Set<Integer> stopTokens;
  private final Sampler sampler;
  private final StreamingDetokenizer detokenizer;
  private final CompletionText text;
  private final CompletableFuture<GenerationResult> result = new CompletableFuture<>();
  private GenerationResult outcome;
  private Throwable abandoned;
  private KvCache cache;
  private int computed;
  private int shared;
  private int made;
  private int[] generated = new int[16];
  private int picked = NONE;
  private int logitsRow = -1;

  /**
   * @param request what is wanted
   * @param prompt its token ids: at least one, and fewer than the context is long
   * @param contextLength positions of prompt and completion together
   * @param vocabulary of the model
   * @param stopTokens ids that end the completion
   * @param listener is told of the text as it grows
   */
  public Sequence(
      GenerationRequest request,
      int[] prompt,
      int contextLength,
      Vocabulary vocabulary,
      Set<Integer> stopTokens,
      TokenListener listener) {
    this(request, prompt, contextLength, new Sampler(request.sampling(), prompt), vocabulary, stopTokens, listener);
  }

  /** With tokens picked by somebody else's rules. */
  Sequence(
      GenerationRequest request,
      int[] prompt,
      int contextLength,
      Sampler sampler,
      Vocabulary vocabulary,
      Set<Integer> stopTokens,
      TokenListener listener) {
    this.prompt = prompt;
    this.maxTokens = Math.min(request.stop().maxTokens(), contextLength - prompt.length);
    this.stopTokens = stopTokens;
    this.sampler = sampler;
    this.detokenizer = new StreamingDetokenizer(vocabulary);
    this.text = new CompletionText(request.stop().stopSequences(), listener);
  }

  /** Ends with the request's result; cancelling it gives the request up. */
  public CompletableFuture<GenerationResult> result() {
    return result;
  }

  /** Positions that it may reach: the last token made needs none. */
  int maxLength() {
    return mostTokens() - 1;
  }

  /** Tokens of prompt and completion, if nothing ends it before. */
  int mostTokens() {
    return prompt.length + maxTokens;
  }

  int promptTokens() {
    return prompt.length;
  }

  /** Of the prompt's, those that another sequence computed. */
  int cachedTokens() {
    return shared;
  }

  int[] prompt() {
    return prompt;
  }

  void admit(KvCache cache) {
    this.cache = cache;
  }

  /** Whether there is nothing more to do: it has its result, or nobody wants one. */
  boolean hasEnded() {
    return outcome != null || result.isDone();
  }

  /**
   * Does what is this sequence's alone; where that fails, it fails, and no other.
   *
   * @throws OutOfMemoryError if there is none: that is everybody's
   */
  void attempt(Runnable action) {
    try {
      action.run();
    } catch (OutOfMemoryError e) {
      throw e;
    } catch (Throwable e) {
      fail(e);
      log(e);
    }
  }

  private static void log(Throwable e) {
    if (e instanceof GemmaException) {
      LOG.warn("A request failed", e);
    } else {
      LOG.error("A request failed", e);
    }
  }

  /** Whether all that is left to compute is the token that it made last. */
  boolean isDecoding() {
    return made > 0 && computed == known() - 1;
  }

  /** Whether there is more to compute than that, and none of it is in the step yet that is being planned. */
  boolean isPrefilling() {
    return computed < known() && !isDecoding();
  }

  /** Tokens of the prompt, and those that it has made. */
  private int known() {
    return prompt.length + made;
  }

  private int token(int position) {
    return position < prompt.length ? prompt[position] : generated[position - prompt.length];
  }

  /**
   * Puts its next tokens into a step: the last one made, or a chunk of what is not yet computed; none while another sequence computes the
   * same.
   *
   * @param most how many tokens at the most
   */
  void plan(Step step, int most) {
    logitsRow = -1;
    int count = isDecoding() ? 1 : chunk(most);
    if (count == 0) {
      return;
    }
    cache.extend(count);
    for (int i = 0; i < count; i++) {
      step.add(token(computed), computed, cache);
      computed++;
    }
    if (computed == known()) {
      logitsRow = step.wantLogits();
    }
  }

  private int chunk(int most) {
    int own = cache.computable();
    shared += cache.length() - computed;
    computed = cache.length();
    return Math.min(Math.min(own, most), known() - computed);
  }

  /** Picks its token from the logits of the step, if it asked for any. Sequences may do so at the same time. */
  void sample(float[] logits, int vocabSize) {
    // one that was picked in a step that failed for others stays: another draw would be another token
    if (logitsRow >= 0 && picked == NONE) {
      picked = sampler.sample(logits, logitsRow * vocabSize, vocabSize);
    }
  }

  /**
   * Takes the token that was picked, if there is one; fails if its numbers are none.
   *
   * @param model that has run the step, and no other since
   */
  void takeToken(GemmaModel model, Step step) {
    Optional<KvFault> fault = cache.fault();
    if (fault.isPresent() && fault.get().isOverflow()) {
      fail(Failures.of(fault.get(), model.cacheShape()));
    } else if (logitsRow >= 0 && picked == Sampler.NON_FINITE) {
      fail(Failures.nonFinite(model.placeOfNonFinite(step, logitsRow)));
    } else if (fault.isPresent()) {
      fail(Failures.of(fault.get(), model.cacheShape()));
    } else if (logitsRow >= 0) {
      int token = picked;
      picked = NONE;
      add(token);
    }
  }

  private void add(int token) {
    if (made == generated.length) {
      generated = Arrays.copyOf(generated, 2 * made);
    }
    generated[made++] = token;
    if (stopTokens.contains(token)) {
      flushAndEnd(FinishReason.STOP);
      return;
    }
    switch (text.append(detokenizer.feed(token))) {
      case STOPPED -> end(FinishReason.STOP);
      case CANCELLED -> end(FinishReason.CANCELLED);
      case GROWN -> {
        if (made >= maxTokens) {
          flushAndEnd(FinishReason.LENGTH);
        }
      }
    }
  }

  int completionTokens() {
    return made;
  }

  /** Bytes of a character that never became whole are still part of the text. */
  private void flushAndEnd(FinishReason reason) {
    boolean stopped = text.append(detokenizer.finish()) == CompletionText.Outcome.STOPPED;
    end(stopped ? FinishReason.STOP : reason);
  }

  private void end(FinishReason reason) {
    outcome = new Completion(text.finish(), reason, new TokenUsage(prompt.length, made, shared));
  }

  void fail(GenerationFailure failure) {
    outcome = failure;
  }

  void fail(Throwable e) {
    fail(Failures.of(e));
  }

  /** Whether it has failed by a fault of its own. */
  boolean hasFailed() {
    return outcome instanceof GenerationFailure;
  }

  /** Ends without a result of its own. */
  void abandon(Throwable e) {
    abandoned = e;
  }

  /** Completes the future, unless a caller has, and runs what callers have hung on it. */
  void complete() {
    if (outcome != null) {
      result.complete(outcome);
    } else if (abandoned != null) {
      result.completeExceptionally(abandoned);
    }
  }

  /** Gives its place in the cache back, and forgets what was computed, not what was made. */
  void restart() {
    release();
    computed = 0;
    shared = 0;
    logitsRow = -1;
  }

  /** Gives its place in the cache back. */
  void release() {
    if (cache != null) {
      KvCache closing = cache;
      cache = null;
      closing.close();
    }
  }
}
