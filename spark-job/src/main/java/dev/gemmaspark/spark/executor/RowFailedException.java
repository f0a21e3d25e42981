package dev.gemmaspark.spark.executor;

/** A row that cannot be done, where its call asks to fail then; no other attempt would do it. */
public final class RowFailedException extends TaskFailure {
  private static final long serialVersionUID = 1L;

  public RowFailedException(String message) {
    super(message);
  }

  @Override
  public String getCondition() {
    return "GEMMA_ROW_FAILED";
  }

  /** Of the standard: data exception. */
  @Override
  public String getSqlState() {
    return "22000";
  }
}
