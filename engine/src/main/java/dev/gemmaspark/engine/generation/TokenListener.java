package dev.gemmaspark.engine.generation;

/** Is told of a completion while it is being made. Called by an engine thread: it must return quickly and not throw. */
@FunctionalInterface
public interface TokenListener {
  /** The next piece of text; whole characters, possibly several tokens. */
  void text(String piece);
}
