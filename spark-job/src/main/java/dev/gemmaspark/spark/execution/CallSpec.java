package dev.gemmaspark.spark.execution;

import dev.gemmaspark.spark.executor.EngineSettings;
import java.io.Serializable;

/**
 * One call of an operator, as tasks need it.
 *
 * @param function what is asked
 * @param shape what is returned
 * @param texts the instructions
 * @param columns what it reads, for messages: nothing, or in words with a blank before
 * @param messages how its messages are read, or null where it has none
 * @param engine which engine does it
 * @param depth 0 for a call of each row; else how many arrays are in each other whose elements are the structs of the arguments
 * @param firstArgument where its arguments begin among those of all calls, or the arrays are
 */
public record CallSpec(
    GemmaFunction function,
    ResultShape shape,
    PromptTexts texts,
    String columns,
    MessageFields messages,
    EngineSettings engine,
    int depth,
    int firstArgument)
    implements Serializable {
  private static final long serialVersionUID = 1L;
}
