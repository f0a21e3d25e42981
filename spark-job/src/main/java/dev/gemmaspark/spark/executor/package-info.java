/**
 * One engine per executor JVM: locate, load, close. Start with {@link dev.gemmaspark.spark.executor.ExecutorEngine}. Knows nothing of
 * rows or plans.
 */
package dev.gemmaspark.spark.executor;
