package dev.gemmaspark.spark.execution;

import dev.gemmaspark.engine.error.InvalidSettingException;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Optional;

/**
 * The instructions that functions put before a row's text. Read on the driver when a query is analyzed, and sent with it, so that all
 * executors say the same.
 *
 * @param instructions of summaries, by style
 * @param answer the instruction of answers
 * @param abstention how an answer begins that says that there is none
 */
public record PromptTexts(HashMap<SummaryStyle, String> instructions, String answer, String abstention) implements Serializable {
  private static final long serialVersionUID = 1L;
  private static final String RESOURCES = "/dev/gemmaspark/spark/prompts/";

  /**
   * Reads the templates of a folder, and those that it lacks from the jar.
   *
   * @throws InvalidSettingException if the folder cannot be read
   */
  public static PromptTexts read(Optional<Path> folder) {
    if (folder.isPresent() && !Files.isDirectory(folder.get())) {
      throw new InvalidSettingException(
          "spark.gemma.promptDir is '" + folder.get() + "', and "
              + (Files.exists(folder.get()) ? "that is no folder" : "there is no such folder on this machine") + "; name one with prompt templates");
    }
    HashMap<SummaryStyle, String> instructions = new HashMap<>();
    for (SummaryStyle style : SummaryStyle.values()) {
      String name = "summarize-" + style.sqlName() + ".txt";
      instructions.put(style, template(folder, name));
    }
    return new PromptTexts(instructions, template(folder, "answer.txt"), template(folder, "answer-abstention.txt"));
  }

  private static String template(Optional<Path> folder, String name) {
    return folder.flatMap(directory -> file(directory.resolve(name))).orElseGet(() -> resource(name));
  }

  private static Optional<String> file(Path path) {
    try {
      return Optional.of(Files.readString(path).strip());
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new InvalidSettingException(
          "The prompt template " + path + " (spark.gemma.promptDir) cannot be read"
              + (e instanceof CharacterCodingException ? " as text in UTF-8" : ": " + e.getMessage()) + "; mend it, or take it away");
    }
  }

  private static String resource(String name) {
    try (InputStream in = PromptTexts.class.getResourceAsStream(RESOURCES + name)) {
      if (in == null) {
        throw new IllegalStateException("the jar lacks the template " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The user's turn that asks for a summary. */
  public String summarize(String content, String style, Integer maxWords) {
    String instruction = instructions.get(style == null ? SummaryStyle.SENTENCE : SummaryStyle.of(style));
    return instruction + SummaryStyle.wordLimit(maxWords).orElse("") + "\n\n" + content;
  }

  /** The user's turn that asks a question about passages: the instruction first, because it is what prompts have in common. */
  String answer(String question, List<String> passages) {
    StringBuilder text = new StringBuilder(answer).append("\n\n");
    for (int i = 0; i < passages.size(); i++) {
      text.append('[').append(i + 1).append("] ").append(passages.get(i)).append("\n\n");
    }
    return text.append("Question: ").append(question).toString();
  }
}
