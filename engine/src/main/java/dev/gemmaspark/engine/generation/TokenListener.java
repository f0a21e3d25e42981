package dev.gemmaspark.engine.generation;

/** Is told of a completion while it is being made. Called by an engine thread: it must return quickly and not throw. */
@FunctionalInterface
public interface TokenListener {
  /**
   * The next piece of text; whole characters, possibly several tokens.
   *
   * @return whether to go on; if not, the completion ends here as {@link FinishReason#CANCELLED}
   */
  boolean text(String piece);
}
