package dev.gemmaspark.spark.executor;

import dev.gemmaspark.engine.error.GemmaException;

/** The model of a query cannot be opened where a task runs, or what it runs on failed; another attempt, perhaps on another node, may succeed. */
public final class ModelFailedException extends TaskFailure {
  private static final long serialVersionUID = 1L;

  public ModelFailedException(GemmaException cause) {
    super(cause.getMessage(), cause);
  }

  @Override
  public String getCondition() {
    return "GEMMA_MODEL_FAILED";
  }

  /** Of the standard: system error. */
  @Override
  public String getSqlState() {
    return "58000";
  }
}
