package dev.gemmaspark.engine.error;

/**
 * An error that a user can cause, and mend. The message says the problem, its cause and what to do, with the file and byte
 * offset or the row id where there is one, and never the text of a row. What only a bug can cause is an {@link
 * IllegalStateException} instead, and one bad row is a value ({@code GenerationFailure}), not an exception.
 */
public class GemmaException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public GemmaException(String message) {
    super(message);
  }

  public GemmaException(String message, Throwable cause) {
    super(message, cause);
  }
}
