package dev.gemmaspark.engine.chat;

import dev.gemmaspark.engine.error.InvalidSettingException;
import java.util.Locale;

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

  /**
   * The role of this name; the model's may be called {@code assistant} too, as other chat formats do.
   *
   * @throws InvalidSettingException if there is none
   */
  public static Role named(String name) {
    return switch (name) {
      case "system" -> SYSTEM;
      case "user" -> USER;
      case "model", "assistant" -> MODEL;
      default -> throw new InvalidSettingException(String.format(Locale.ROOT, "role is '%s'; it must be one of system, user, assistant, model",
          name));
    };
  }

  /** The word that Gemma's chat format has for this role. */
  public String label() {
    return label;
  }
}
