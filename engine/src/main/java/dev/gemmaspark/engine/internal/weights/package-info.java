/**
 * Any model file to named weight matrices, configuration and vocabulary, checked. Start with {@link
 * dev.gemmaspark.engine.internal.weights.ModelWeights}. Knows nothing of arithmetic.
 */
package dev.gemmaspark.engine.internal.weights;
