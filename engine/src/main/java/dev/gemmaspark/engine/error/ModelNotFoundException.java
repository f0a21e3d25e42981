package dev.gemmaspark.engine.error;

/** A model that is not where it was said to be, or cannot be read there. */
public final class ModelNotFoundException extends GemmaException {
  private static final long serialVersionUID = 1L;

  public ModelNotFoundException(String message) {
    super(message);
  }

  public ModelNotFoundException(String message, Throwable cause) {
    super(message, cause);
  }
}
