/**
 * Documents for prompts: split, index, retrieve, prompt, cite. Start with {@code SentenceSplitter}. Must not know of command lines.
 */
package dev.gemmaspark.spark.rag;
