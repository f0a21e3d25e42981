/**
 * Rows of a partition to the engine and back: same order, same count. Start with {@link
 * dev.gemmaspark.spark.execution.EvalGemmaEvaluatorFactory}. Knows nothing of plans.
 */
package dev.gemmaspark.spark.execution;
