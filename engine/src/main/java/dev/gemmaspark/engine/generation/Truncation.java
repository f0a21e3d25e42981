package dev.gemmaspark.engine.generation;

/** What happens to a prompt that does not fit the context together with one token of completion. */
public enum Truncation {
  /** The request fails and says so. */
  FAIL,
  /** The last tokens of the prompt's last user text are dropped. */
  KEEP_HEAD,
  /** The first tokens of the prompt's last user text are dropped. */
  KEEP_TAIL
}
