package dev.gemmaspark.engine.error;

/** A sound model file of a kind that this engine does not run: another architecture, another tensor type. */
public final class UnsupportedModelException extends GemmaException {
  private static final long serialVersionUID = 1L;

  public UnsupportedModelException(String message) {
    super(message);
  }
}
