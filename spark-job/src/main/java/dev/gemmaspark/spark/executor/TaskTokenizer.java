package dev.gemmaspark.spark.executor;

import dev.gemmaspark.engine.TokenCounter;
import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.spark.conf.GemmaConf;
import java.io.Serializable;

/** The tokenizer of the model that the settings name, wherever this is sent: looked up where the first text is counted. Safe for use by many threads. */
public final class TaskTokenizer implements Serializable {
  private static final long serialVersionUID = 1L;

  private final GemmaConf conf;
  private transient volatile TokenCounter counter;

  public TaskTokenizer(GemmaConf conf) {
    this.conf = conf;
  }

  /**
   * How many tokens a text is, without {@code <bos>}.
   *
   * @throws ModelFailedException if the model cannot be read; the next call tries again
   */
  public int count(String text) {
    TokenCounter known = counter;
    if (known == null) {
      try {
        known = ExecutorTokenizer.get(conf);
      } catch (GemmaException e) {
        throw new ModelFailedException(e);
      }
      counter = known;
    }
    return known.count(text);
  }
}
