package dev.gemmaspark.spark.executor;

import dev.gemmaspark.engine.TokenCounter;
import dev.gemmaspark.spark.conf.GemmaConf;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The tokenizers of this JVM, one for each model, without weights. Safe for use by many threads. */
public final class ExecutorTokenizer {
  private static final Map<GemmaConf, Known> TOKENIZERS = new ConcurrentHashMap<>();

  /** A tokenizer, and the state of the model's files that it was read from. */
  private record Known(String state, TokenCounter counter) {}

  private ExecutorTokenizer() {}

  /**
   * The tokenizer of the model that the settings name. It looks whether the files are still those that it was read from; who counts for every
   * row takes a {@link TaskTokenizer}.
   *
   * @throws dev.gemmaspark.engine.error.GemmaException if the model cannot be read; the next call tries again
   */
  public static TokenCounter get(GemmaConf conf) {
    String state = ModelLocation.state(conf);
    return TOKENIZERS
        .compute(
            conf.text(),
            (model, known) ->
                known != null && known.state().equals(state) ? known : new Known(state, TokenCounter.ofModel(ModelLocation.options(conf))))
        .counter();
  }
}
