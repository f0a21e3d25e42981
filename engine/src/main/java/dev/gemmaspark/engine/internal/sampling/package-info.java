/**
 * Logits to the next token. Start with {@link dev.gemmaspark.engine.internal.sampling.Sampler}. Knows nothing of models or text.
 */
package dev.gemmaspark.engine.internal.sampling;
