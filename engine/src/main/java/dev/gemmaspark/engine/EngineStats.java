package dev.gemmaspark.engine;

/**
 * What an engine has done since it was opened; an immutable snapshot.
 *
 * @param promptTokens tokens of the prompts of finished requests
 * @param cachedTokens of these, the ones that an earlier request with the same beginning had computed
 * @param completionTokens tokens made
 * @param requests requests finished, failed ones included
 * @param failures requests failed
 * @param runningSequences in the batch now
 * @param waitingSequences handed in and not yet in the batch
 * @param steps forward passes
 * @param busyNanos time spent in forward passes
 * @param kvCacheBytesUsed of the budget
 * @param kvCacheBytesBudget the budget
 */
public record EngineStats(
    long promptTokens,
    long cachedTokens,
    long completionTokens,
    long requests,
    long failures,
    int runningSequences,
    int waitingSequences,
    long steps,
    long busyNanos,
    long kvCacheBytesUsed,
    long kvCacheBytesBudget) {}
