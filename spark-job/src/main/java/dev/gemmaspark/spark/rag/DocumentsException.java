package dev.gemmaspark.spark.rag;

import dev.gemmaspark.engine.error.GemmaException;

/** Documents or an index that a run cannot go on with, for a reason that its user can mend. */
public final class DocumentsException extends GemmaException {
  private static final long serialVersionUID = 1L;

  DocumentsException(String message, Throwable cause) {
    super(message, cause);
  }
}
