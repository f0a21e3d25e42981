package dev.gemmaspark.spark.execution;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** The SQL functions: a new one is a row here. */
public enum GemmaFunction {
  GENERATE(
      "gemma_generate",
      "_FUNC_(prompt[, system => ...]) - Answers a prompt with Gemma.",
      List.of(Parameter.PROMPT, Parameter.SYSTEM)) {
    @Override
    String prompt(Arguments arguments, PromptTexts texts) {
      return arguments.text(Parameter.PROMPT);
    }
  },
  SUMMARIZE(
      "gemma_summarize",
      "_FUNC_(content[, style => 'sentence' | 'sentences' | 'bullets'][, maxWords => ...]) - Summarizes a document with Gemma.",
      List.of(Parameter.CONTENT, Parameter.STYLE, Parameter.MAX_WORDS)) {
    @Override
    String prompt(Arguments arguments, PromptTexts texts) {
      return texts.summarize(
          arguments.text(Parameter.CONTENT), arguments.text(Parameter.STYLE), arguments.integer(Parameter.MAX_WORDS));
    }
  };

  private final String sqlName;
  private final String usage;
  private final List<Parameter> parameters;

  GemmaFunction(String sqlName, String usage, List<Parameter> own) {
    this.sqlName = sqlName;
    this.usage = usage;
    List<Parameter> all = new ArrayList<>(own);
    all.addAll(Parameter.COMMON);
    this.parameters = List.copyOf(all);
  }

  public String sqlName() {
    return sqlName;
  }

  /** As {@code DESCRIBE FUNCTION} prints it. */
  public String usage() {
    return usage;
  }

  /** The function's arguments in the order of a call's children; the first is the only one that may stand without its name. */
  public List<Parameter> parameters() {
    return parameters;
  }

  /** The argument without which there is nothing to do: where it is NULL, so is the result. */
  public Parameter subject() {
    return parameters.getFirst();
  }

  /** The argument of this name, however it is capitalized. */
  public Optional<Parameter> parameter(String name) {
    return parameters.stream().filter(parameter -> parameter.sqlName().equalsIgnoreCase(name)).findFirst();
  }

  /** The names of all arguments, for messages. */
  public List<String> argumentNames() {
    List<String> names = new ArrayList<>(parameters.stream().map(Parameter::sqlName).toList());
    names.addAll(Arrays.asList("failOnError", "details"));
    return names;
  }

  /**
   * The user's turn; the subject is not NULL.
   *
   * @throws dev.gemmaspark.engine.error.InvalidSettingException if an argument is not allowed
   */
  abstract String prompt(Arguments arguments, PromptTexts texts);
}
