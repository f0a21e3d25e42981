/**
 * Weights of one type to weights of another. Start with {@link dev.gemmaspark.engine.internal.quantization.QuantizedRows}. Knows nothing of
 * models and files.
 */
package dev.gemmaspark.engine.internal.quantization;
