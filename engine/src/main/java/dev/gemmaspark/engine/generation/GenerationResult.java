package dev.gemmaspark.engine.generation;

/** What came of a request: a {@link Completion}, or the reason why there is none. */
public sealed interface GenerationResult permits Completion, GenerationFailure {}
