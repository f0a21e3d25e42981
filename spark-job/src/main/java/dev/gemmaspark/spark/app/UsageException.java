package dev.gemmaspark.spark.app;

/** Something that the user of an application can see to before any work is done: exit code 2. */
final class UsageException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  UsageException(String message) {
    super(message);
  }
}
