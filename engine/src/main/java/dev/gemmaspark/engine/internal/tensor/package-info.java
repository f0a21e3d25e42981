/**
 * Typed matrices over memory segments. Start with {@link dev.gemmaspark.engine.internal.tensor.TensorType}. Knows nothing of
 * files or of the model.
 */
package dev.gemmaspark.engine.internal.tensor;
