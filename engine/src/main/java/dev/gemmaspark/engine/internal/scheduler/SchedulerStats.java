package dev.gemmaspark.engine.internal.scheduler;

/** What a scheduler has done; an immutable snapshot. The numbers are those of the engine's own statistics. */
public record SchedulerStats(
    long promptTokens,
    long cachedTokens,
    long completionTokens,
    long requests,
    long failures,
    int runningSequences,
    int waitingSequences,
    long steps,
    long busyNanos,
    long kvCacheBytesReserved,
    long kvCacheBytesBudget) {}
