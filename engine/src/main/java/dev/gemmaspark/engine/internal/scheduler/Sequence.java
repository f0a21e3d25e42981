package dev.gemmaspark.engine.internal.scheduler;

import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.FinishReason;
import dev.gemmaspark.engine.generation.GenerationFailure;
import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.GenerationResult;
import dev.gemmaspark.engine.generation.TokenListener;
import dev.gemmaspark.engine.generation.TokenUsage;
import dev.gemmaspark.engine.internal.cache.KvCache;
import dev.gemmaspark.engine.internal.model.Step;
import dev.gemmaspark.engine.internal.sampling.Sampler;
import dev.gemmaspark.engine.internal.tokenizer.StreamingDetokenizer;
import dev.gemmaspark.engine.internal.tokenizer.Vocabulary;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * A request on its way: its prompt, how much of it is computed, and what has been made. Built by the submitting thread, then owned by
 * the scheduler's; the future is shared.
 */
public final class Sequence {
  private final int[] prompt;
  private final int maxTokens;
  private final Set<Integer> stopTokens;
  private final Sampler sampler;
  private final StreamingDetokenizer detokenizer;
  private final CompletionText text;
  private final CompletableFuture<GenerationResult> result = new CompletableFuture<>();
  private KvCache cache;
  private int computed;
  private int shared;
  private int made;
  private int[] generated = new int[16];
  private int picked;
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
    this.prompt = prompt;
    this.maxTokens = Math.min(request.stop().maxTokens(), contextLength - prompt.length);
    this.stopTokens = stopTokens;
    this.sampler = new Sampler(request.sampling(), prompt);
    this.detokenizer = new StreamingDetokenizer(vocabulary);
    this.text = new CompletionText(request.stop().stopSequences(), listener);
  }

  /** Ends with the request's result; cancelling it gives the request up. */
  public CompletableFuture<GenerationResult> result() {
    return result;
  }

  /** Positions that it may reach: the last token made needs none. */
  int maxLength() {
    return prompt.length + maxTokens - 1;
  }

  int promptTokens() {
    return prompt.length;
  }

  /** Of the prompt's, those that another sequence computed. */
  int cachedTokens() {
    return shared;
  }

  boolean isAdmitted() {
    return cache != null;
  }

  int[] prompt() {
    return prompt;
  }

  void admit(KvCache cache) {
    this.cache = cache;
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
    if (logitsRow >= 0) {
      picked = sampler.sample(logits, logitsRow * vocabSize, vocabSize);
    }
  }

  /** Whether the logits of the step were no numbers to pick from. */
  boolean hasNonFiniteLogits() {
    return logitsRow >= 0 && picked == Sampler.NON_FINITE;
  }

  /** Which row of the step's logits is its own. */
  int logitsRow() {
    return logitsRow;
  }

  /**
   * Takes the token that was picked, if there is one.
   *
   * @return whether the request has ended
   */
  boolean advance() {
    if (logitsRow < 0) {
      return false;
    }
    int token = picked;
    if (made == generated.length) {
      generated = Arrays.copyOf(generated, 2 * made);
    }
    generated[made++] = token;
    if (stopTokens.contains(token)) {
      return flushAndComplete(FinishReason.STOP);
    }
    return switch (text.append(detokenizer.feed(token))) {
      case STOPPED -> complete(FinishReason.STOP);
      case CANCELLED -> complete(FinishReason.CANCELLED);
      case GROWN -> made >= maxTokens && flushAndComplete(FinishReason.LENGTH);
    };
  }

  int completionTokens() {
    return made;
  }

  /** Bytes of a character that never became whole are still part of the text. */
  private boolean flushAndComplete(FinishReason reason) {
    boolean stopped = text.append(detokenizer.finish()) == CompletionText.Outcome.STOPPED;
    return complete(stopped ? FinishReason.STOP : reason);
  }

  private boolean complete(FinishReason reason) {
    result.complete(new Completion(text.finish(), reason, new TokenUsage(prompt.length, made, shared)));
    return true;
  }

  void fail(GenerationFailure.Code code, String message) {
    result.complete(new GenerationFailure(code, message));
  }

  /** Gives its place in the cache back, and forgets what was computed, not what was made. */
  void restart() {
    release();
    computed = 0;
  }

  /** Gives its place in the cache back. */
  void release() {
    if (cache != null) {
      cache.close();
      cache = null;
    }
  }
}
