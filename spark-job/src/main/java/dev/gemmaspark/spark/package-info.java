/**
 * What users name in configuration or code. Start with {@link dev.gemmaspark.spark.GemmaSparkExtensions}. Knows nothing of how a call
 * is run.
 */
package dev.gemmaspark.spark;
