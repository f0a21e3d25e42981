/**
 * The words callers speak: requests, parameters, results. Start with {@link
 * dev.gemmaspark.engine.generation.GenerationRequest}. Values only; knows nothing of how text is made.
 */
package dev.gemmaspark.engine.generation;
