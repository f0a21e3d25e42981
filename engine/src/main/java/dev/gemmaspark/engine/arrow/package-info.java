/**
 * Arrow columns in, Arrow columns out. Start with {@link dev.gemmaspark.engine.arrow.ArrowGenerator}. Knows nothing of Spark, and
 * nothing of the engine but its public packages.
 */
package dev.gemmaspark.engine.arrow;
