/**
 * Gemma as a stage of Spark ML's pipelines. Start with {@code GemmaTransformer}. Must not know how calls are run: it is one more way to write
 * them.
 */
package dev.gemmaspark.spark.ml;
