package dev.gemmaspark.engine;

/**
 * Which model an engine runs.
 *
 * @param name as {@link ModelIdentity} has it
 * @param sha256 as {@link ModelIdentity} has it
 * @param architecture {@code gemma} or {@code gemma2}
 * @param parameters weights, the embedding counted once
 * @param contextLength positions of prompt and completion together that this engine runs
 * @param weightBytes of the matrices, in the layout of model files
 * @param loadNanos how long opening took
 */
public record ModelDescription(
    String name,
    String sha256,
    String architecture,
    long parameters,
    int contextLength,
    long weightBytes,
    long loadNanos) {}
