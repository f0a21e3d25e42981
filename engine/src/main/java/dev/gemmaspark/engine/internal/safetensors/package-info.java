/**
 * Parses safetensors, trusting nothing in it. Start with {@link dev.gemmaspark.engine.internal.safetensors.SafetensorsFile}. Knows nothing
 * of Gemma.
 */
package dev.gemmaspark.engine.internal.safetensors;
