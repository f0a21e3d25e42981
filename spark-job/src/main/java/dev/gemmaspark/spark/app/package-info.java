/**
 * Applications for spark-submit. Start with {@link dev.gemmaspark.spark.app.SummarizeApp}. Knows the SQL functions by their names
 * alone.
 */
package dev.gemmaspark.spark.app;
