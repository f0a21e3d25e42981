/**
 * The expression, the logical node, the operator, and the rule between them. Start with {@link
 * dev.gemmaspark.spark.sql.ExtractGemmaCalls}. Knows nothing of how rows are run.
 */
package dev.gemmaspark.spark.sql;
