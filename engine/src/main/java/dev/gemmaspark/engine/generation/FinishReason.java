package dev.gemmaspark.engine.generation;

import java.util.Locale;

/** Why a completion ended. */
public enum FinishReason {
  /** The model ended its turn, or a stop sequence appeared. */
  STOP,
  /** The most tokens allowed were made, or the context was full. */
  LENGTH,
  /** The caller gave up. */
  CANCELLED;

  /** The word that output columns have for it, such as {@code stop}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
