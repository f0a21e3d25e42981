package dev.gemmaspark.spark.executor;

import dev.gemmaspark.engine.error.GemmaException;
import java.util.Map;
import org.apache.spark.SparkThrowable;

/**
 * A row that cannot be done, where its call asks to fail then; no other attempt would do it. Spark shows it to the user as it is, because it
 * has a condition.
 */
public final class RowFailedException extends GemmaException implements SparkThrowable {
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

  @Override
  public Map<String, String> getMessageParameters() {
    return Map.of("problem", getMessage());
  }

  @Override
  public String getDefaultMessageTemplate() {
    return "<problem>";
  }
}
