/**
 * The {@code gemma} command. Start with {@link dev.gemmaspark.engine.cli.GemmaCli}. Knows nothing of Spark, and nothing of the
 * engine but its public packages.
 */
package dev.gemmaspark.engine.cli;
