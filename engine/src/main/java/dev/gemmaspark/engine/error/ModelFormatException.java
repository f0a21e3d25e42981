package dev.gemmaspark.engine.error;

import java.nio.file.Path;

/** A model or tokenizer file that is broken, hostile, or not what it says it is. */
public final class ModelFormatException extends GemmaException {
  private static final long serialVersionUID = 1L;

  /** Where no byte offset applies. */
  public static final long NO_OFFSET = -1;

  private final transient Path file;
  private final long offset;

  /**
   * @param file the file at fault
   * @param offset the byte in it where the fault was found, or {@link #NO_OFFSET}
   * @param problem what was found and what was expected
   */
  public ModelFormatException(Path file, long offset, String problem) {
    super(file + (offset == NO_OFFSET ? "" : " at byte " + offset) + ": " + problem);
    this.file = file;
    this.offset = offset;
  }

  public Path file() {
    return file;
  }

  public long offset() {
    return offset;
  }
}
