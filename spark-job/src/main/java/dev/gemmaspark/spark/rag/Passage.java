package dev.gemmaspark.spark.rag;

import java.io.Serializable;

/**
 * A part of a document that fits a prompt.
 *
 * @param chunkId stable: equal passages of equal documents have it in every run
 * @param docId the document
 * @param position among the document's passages, from 0
 * @param start in the document's text, in UTF-16 units
 * @param end behind its last
 * @param headings that it stands under
 * @param text equal to the document's from start to end
 * @param tokens of the text, as the model counts
 */
record Passage(String chunkId, String docId, int position, int start, int end, String headings, String text, int tokens) implements Serializable {
  private static final long serialVersionUID = 1L;
}
