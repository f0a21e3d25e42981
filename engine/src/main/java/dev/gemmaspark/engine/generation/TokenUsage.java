package dev.gemmaspark.engine.generation;

/**
 * What a request cost, in tokens.
 *
 * @param promptTokens tokens of the prompt, {@code <bos>} and turn markers included
 * @param completionTokens tokens made, the one that ended the turn included
 * @param cachedTokens how many of the prompt's tokens were not computed because another request had
 */
public record TokenUsage(int promptTokens, int completionTokens, int cachedTokens) {}
