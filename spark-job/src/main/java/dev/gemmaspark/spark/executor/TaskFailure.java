package dev.gemmaspark.spark.executor;

import dev.gemmaspark.engine.error.GemmaException;
import java.util.Map;
import org.apache.spark.SparkThrowable;

/** Why a task failed, which Spark shows to the user as it is because it has a condition, and not behind the stack trace of its job. */
abstract class TaskFailure extends GemmaException implements SparkThrowable {
  private static final long serialVersionUID = 1L;

  TaskFailure(String message) {
    super(message);
  }

  TaskFailure(String message, Throwable cause) {
    super(message, cause);
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
