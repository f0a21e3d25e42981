/**
 * Text to token ids and back. Start with {@code Tokenizer}. Knows nothing of models.
 */
package dev.gemmaspark.engine.internal.tokenizer;
