/**
 * Parses GGUF, trusting nothing in it. Start with {@link dev.gemmaspark.engine.internal.gguf.GgufFile}. Knows nothing of Gemma.
 */
package dev.gemmaspark.engine.internal.gguf;
