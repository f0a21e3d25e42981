package dev.gemmaspark.engine.internal.scheduler;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.generation.GenerationFailure;
import dev.gemmaspark.engine.generation.GenerationFailure.Code;
import dev.gemmaspark.engine.internal.cache.KvCacheShape;
import dev.gemmaspark.engine.internal.cache.KvFault;

/** Why a request fails, in a user's words. */
final class Failures {
  private Failures() {}

  /** What fails with a user's error says it itself. */
  static GenerationFailure of(Throwable e) {
    return new GenerationFailure(
        Code.INTERNAL,
        switch (e) {
          case GemmaException known -> known.getMessage();
          // what the JVM makes of a page that is no longer there
          case InternalError _ ->
              "mapped weights could not be read: the file in the model cache was cut, or its disk fails; start the application again";
          default -> "the engine failed (" + e.getClass().getSimpleName() + "); its log has the details";
        });
  }

  /** @param place where the logits stopped being finite, as the model names it */
  static GenerationFailure nonFinite(String place) {
    return new GenerationFailure(
        Code.NON_FINITE_LOGITS,
        "the model's logits are not finite numbers, from " + place + " on; its weights are broken: check the file with `gemma inspect --verify`");
  }

  /** Keys or values that the cache could not keep. */
  static GenerationFailure of(KvFault fault, KvCacheShape shape) {
    return new GenerationFailure(Code.NON_FINITE_LOGITS, fault.message(shape));
  }

  static GenerationFailure tooLong(int tokens) {
    return new GenerationFailure(
        Code.PROMPT_TOO_LONG,
        "prompt and completion may take "
            + tokens
            + " tokens, more than the KV cache holds; give it more memory (spark.gemma.kvCacheMemory), shorten the prompt, or ask for fewer tokens (maxTokens)");
  }
}
