package dev.gemmaspark.spark.rag;

/** Names for texts. */
public final class Digest {
  private Digest() {}

  /** The SHA-256 of a text in UTF-8, in lower-case hexadecimal. */
  public static String of(String text) {
    return Hashes.sha256(text);
  }
}
