/**
 * Documents for prompts: split, index, retrieve, cite. Start with {@code PassageIndex} and {@code Retriever}. Must not know of command lines.
 */
package dev.gemmaspark.spark.rag;
