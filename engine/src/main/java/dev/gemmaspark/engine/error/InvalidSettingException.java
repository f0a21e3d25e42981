package dev.gemmaspark.engine.error;

/** A setting or parameter outside its range. The message names it, its value and what is allowed. */
public final class InvalidSettingException extends GemmaException {
  private static final long serialVersionUID = 1L;

  public InvalidSettingException(String message) {
    super(message);
  }

  /**
   * Checks one setting.
   *
   * @param holds whether the value is allowed
   * @param name the setting's name as the caller writes it
   * @param value what was given
   * @param allowed what is allowed, in words
   */
  public static void require(boolean holds, String name, Object value, String allowed) {
    if (!holds) {
      throw new InvalidSettingException(name + " is " + value + "; it must be " + allowed);
    }
  }
}
