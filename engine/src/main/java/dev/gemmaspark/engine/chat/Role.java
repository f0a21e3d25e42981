package dev.gemmaspark.engine.chat;

/** Who speaks in a {@link ChatTurn}. */
public enum Role {
  /** Instructions for the whole conversation; only as the first turn. */
  SYSTEM("system"),
  USER("user"),
  MODEL("model");

  private final String label;

  Role(String label) {
    this.label = label;
  }

  /** The word that Gemma's chat format has for this role. */
  public String label() {
    return label;
  }
}
