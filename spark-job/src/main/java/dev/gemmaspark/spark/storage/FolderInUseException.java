package dev.gemmaspark.spark.storage;

import dev.gemmaspark.engine.error.GemmaException;

/** Another run is at work in a folder, or has taken it over. */
public final class FolderInUseException extends GemmaException {
  private static final long serialVersionUID = 1L;

  FolderInUseException(String message) {
    super(message);
  }
}
