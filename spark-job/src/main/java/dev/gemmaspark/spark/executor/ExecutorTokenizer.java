package dev.gemmaspark.spark.executor;

import dev.gemmaspark.engine.TokenCounter;
import dev.gemmaspark.spark.conf.GemmaConf;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The tokenizers of this JVM, one for each model, without weights. Safe for use by many threads. */
public final class ExecutorTokenizer {
  private static final Map<GemmaConf, TokenCounter> TOKENIZERS = new ConcurrentHashMap<>();

  private ExecutorTokenizer() {}

  /**
   * The tokenizer of the model that the settings name.
   *
   * @throws dev.gemmaspark.engine.error.GemmaException if the model cannot be read; the next call tries again
   */
  public static TokenCounter get(GemmaConf conf) {
    return TOKENIZERS.computeIfAbsent(conf.text(), model -> TokenCounter.ofModel(ModelLocation.options(conf)));
  }
}
