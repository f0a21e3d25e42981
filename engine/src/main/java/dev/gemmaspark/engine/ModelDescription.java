package dev.gemmaspark.engine;

/**
 * Which model an engine runs.
 *
 * @param name {@code demo}, or the file's name
 * @param sha256 of the model file, in lower-case hexadecimal
 * @param architecture {@code gemma} or {@code gemma2}
 * @param parameters weights, the embedding counted once
 * @param contextLength positions of prompt and completion together that this engine runs
 * @param fileBytes size of the model file
 * @param loadNanos how long opening took
 */
public record ModelDescription(
    String name,
    String sha256,
    String architecture,
    long parameters,
    int contextLength,
    long fileBytes,
    long loadNanos) {}
