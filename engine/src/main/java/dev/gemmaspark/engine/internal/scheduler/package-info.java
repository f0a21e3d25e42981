/**
 * Continuous batching: admit, step, retire. Start with {@link dev.gemmaspark.engine.internal.scheduler.Scheduler}. Knows nothing of
 * files or of how the model computes.
 */
package dev.gemmaspark.engine.internal.scheduler;
