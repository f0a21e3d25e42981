package dev.gemmaspark.spark.rag;

import java.io.Serializable;

/**
 * A document that is there, as far as is known without reading it.
 *
 * @param docId what the user knows it by: a file's path inside the folder
 * @param uri where it is
 * @param length in bytes
 * @param mtime of its last change, in milliseconds since 1970; 0 where nobody knows
 * @param sha256 of its contents, or null where nobody has looked
 */
record Listed(String docId, String uri, long length, long mtime, String sha256) implements Serializable {
  private static final long serialVersionUID = 1L;
}
