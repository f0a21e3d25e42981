/**
 * A fixed team of worker threads. Start with {@link dev.gemmaspark.engine.internal.parallel.WorkerPool}. Knows nothing of what
 * they do.
 */
package dev.gemmaspark.engine.internal.parallel;
