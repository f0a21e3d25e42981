package dev.gemmaspark.spark.execution;

import java.io.Serializable;

/**
 * One call of an operator, as tasks need it.
 *
 * @param function what is asked
 * @param shape what is returned
 * @param texts the instructions
 * @param firstArgument where its arguments begin among those of all calls
 */
public record CallSpec(GemmaFunction function, ResultShape shape, PromptTexts texts, int firstArgument)
    implements Serializable {
  private static final long serialVersionUID = 1L;
}
