/**
 * Gemma on one JVM: open a model, submit requests, close. Start with {@code GemmaEngine}. Knows nothing of Spark.
 */
package dev.gemmaspark.engine;
