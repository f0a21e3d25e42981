/**
 * Errors that a user can cause and mend. Start with {@link dev.gemmaspark.engine.error.GemmaException}. Knows nothing of
 * the rest of the engine.
 */
package dev.gemmaspark.engine.error;
