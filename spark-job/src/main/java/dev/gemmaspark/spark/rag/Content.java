package dev.gemmaspark.spark.rag;

import java.io.IOException;
import java.io.Serializable;

/** A document that can be read: a file, or a row. */
interface Content extends Serializable {
  Listed listed();

  /** A title that is known from elsewhere, or null. */
  String title();

  /** What its format is known by. */
  String fileName();

  byte[] read() throws IOException;
}
