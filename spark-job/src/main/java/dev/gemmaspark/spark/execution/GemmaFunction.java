package dev.gemmaspark.spark.execution;

import dev.gemmaspark.engine.error.InvalidSettingException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.catalyst.util.ArrayData;

/** The SQL functions that call the model: a new one is a row here. */
public enum GemmaFunction {
  GENERATE(
      "gemma_generate",
      "Answers a prompt with Gemma.",
      "('Why is the sky blue?', maxTokens => 60)",
      List.of(Parameter.PROMPT),
      List.of(Parameter.SYSTEM)) {
    @Override
    void write(Arguments arguments, PromptTexts texts, RequestColumns columns) {
      columns.prompt(arguments.text(Parameter.PROMPT));
    }
  },
  CHAT(
      "gemma_chat",
      "Answers the last turn of a conversation with Gemma.",
      "(array(named_struct('role', 'user', 'content', 'Hello!')))",
      List.of(Parameter.MESSAGES),
      List.of()) {
    @Override
    void write(Arguments arguments, PromptTexts texts, RequestColumns columns) {
      ArrayData messages = arguments.array(Parameter.MESSAGES);
      if (messages.numElements() == 0) {
        throw new InvalidSettingException("messages is empty; it must be at least one message");
      }
      columns.messages(messages);
    }
  },
  SUMMARIZE(
      "gemma_summarize",
      "Summarizes a text with Gemma.",
      "(body, style => 'bullets', maxWords => 60)",
      List.of(Parameter.CONTENT),
      List.of(Parameter.STYLE, Parameter.MAX_WORDS)) {
    @Override
    void write(Arguments arguments, PromptTexts texts, RequestColumns columns) {
      columns.prompt(
          texts.summarize(
              arguments.text(Parameter.CONTENT), arguments.text(Parameter.STYLE), arguments.integer(Parameter.MAX_WORDS)));
    }
  },
  ANSWER(
      "gemma_answer",
      "Answers a question from passages with Gemma. Where there is no passage (an empty array, or one of NULLs) nothing is asked, and the result is NULL.",
      "('Who signed?', array('The contract was signed by Ada.'))",
      List.of(Parameter.QUESTION, Parameter.PASSAGES),
      List.of()) {
    @Override
    void write(Arguments arguments, PromptTexts texts, RequestColumns columns) {
      List<String> passages = arguments.texts(Parameter.PASSAGES);
      if (!passages.isEmpty()) {
        columns.prompt(texts.answer(arguments.text(Parameter.QUESTION), passages));
      }
    }
  };

  private final String sqlName;
  private final String purpose;
  private final String example;
  private final List<Parameter> required;
  private final List<Parameter> parameters;

  GemmaFunction(String sqlName, String purpose, String example, List<Parameter> required, List<Parameter> own) {
    this.sqlName = sqlName;
    this.purpose = purpose;
    this.example = example;
    this.required = required;
    List<Parameter> all = new ArrayList<>(required);
    all.addAll(own);
    all.addAll(Parameter.COMMON);
    this.parameters = List.copyOf(all);
  }

  public String sqlName() {
    return sqlName;
  }

  /** As {@code DESCRIBE FUNCTION} prints it. */
  public String usage() {
    List<String> names = required.stream().map(Parameter::sqlName).toList();
    return "_FUNC_(" + String.join(", ", names) + "[, name => value]...) - " + purpose;
  }

  /** A call's arguments, as they may stand in a query. */
  public String example() {
    return example;
  }

  /** The function's arguments in the order of a call's children. */
  public List<Parameter> parameters() {
    return parameters;
  }

  /** The arguments that must be given, and may be given without their names; where one is NULL, so is the result. */
  public List<Parameter> required() {
    return required;
  }

  /** The argument of this name, however it is capitalized. */
  public Optional<Parameter> parameter(String name) {
    return parameters.stream().filter(parameter -> parameter.sqlName().equalsIgnoreCase(name)).findFirst();
  }

  /** The names of all arguments, for messages. */
  public List<String> argumentNames() {
    List<String> names = new ArrayList<>(parameters.stream().map(Parameter::sqlName).toList());
    names.addAll(List.of("failOnError", "details"));
    return names;
  }

  /**
   * Writes what the model is shown, if anything; no required argument is NULL.
   *
   * @param columns whose current row it is for
   * @throws InvalidSettingException if an argument is not allowed
   */
  abstract void write(Arguments arguments, PromptTexts texts, RequestColumns columns);
}
