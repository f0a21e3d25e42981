package dev.gemmaspark.engine.chat;

import dev.gemmaspark.engine.chat.RenderedPrompt.Control;
import dev.gemmaspark.engine.chat.RenderedPrompt.Part;
import dev.gemmaspark.engine.chat.RenderedPrompt.Text;
import dev.gemmaspark.engine.error.InvalidSettingException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Renders a conversation as the model was trained to read it: {@code <bos>}, then for each turn {@code <start_of_turn>}, the role, a
 * newline, the trimmed text, {@code <end_of_turn>} and a newline, and the start of the model's turn. The kinds differ in where the
 * system text goes. Model files bring a template as a program; none is ever run ({@link #recognize}).
 *
 * @see <a href="https://ai.google.dev/gemma/docs/core/prompt-structure">Gemma's prompt structure</a>
 */
public enum ChatTemplate {
  /** Google's: Gemma knows no system turn, so the system text stands before the first user text, with a blank line between. */
  GEMMA,
  /** Of fine-tunes that were taught a system turn before the first user turn. */
  GEMMA_WITH_SYSTEM_TURN;

  private static final String BLANK_LINE = "\n\n";

  /**
   * Which template a model file brings.
   *
   * @param source the template's text, in Jinja
   * @return empty if it is none of these: a model with it does not chat, unless the user says which template it was taught
   */
  public static Optional<ChatTemplate> recognize(String source) {
    return TemplateSource.recognize(source);
  }

  /**
   * Renders a conversation that the model's next turn is to answer.
   *
   * @param turns the system's, if there is one, then the user's and the model's by turns, from the user's to the user's
   * @throws InvalidSettingException if the turns are not in this order
   */
  public RenderedPrompt render(List<ChatTurn> turns) {
    checkOrder(turns);
    List<Part> parts = new ArrayList<>();
    parts.add(Control.BOS);
    String separator = "";
    String prefix = "";
    for (int i = 0; i < turns.size(); i++) {
      ChatTurn turn = turns.get(i);
      String text = Whitespace.trim(turn.text());
      if (turn.role() == Role.SYSTEM && (this == GEMMA || text.isEmpty())) {
        prefix = text.isEmpty() ? "" : text + BLANK_LINE;
        continue;
      }
      addFixed(parts, separator);
      parts.add(Control.START_OF_TURN);
      String head = turn.role().label() + "\n" + prefix;
      boolean last = i == turns.size() - 1;
      parts.add(last ? new Text(head + text, head.length()) : Text.fixed(head + text));
      parts.add(Control.END_OF_TURN);
      separator = "\n";
      prefix = "";
    }
    addFixed(parts, separator);
    parts.add(Control.START_OF_TURN);
    addFixed(parts, Role.MODEL.label() + "\n");
    return new RenderedPrompt(parts);
  }

  private static void addFixed(List<Part> parts, String text) {
    if (!text.isEmpty()) {
      parts.add(Text.fixed(text));
    }
  }

  private static void checkOrder(List<ChatTurn> turns) {
    int first = !turns.isEmpty() && turns.getFirst().role() == Role.SYSTEM ? 1 : 0;
    if (turns.size() == first) {
      throw new InvalidSettingException("the conversation has no user turn; give it one");
    }
    for (int i = first; i < turns.size(); i++) {
      Role expected = (i - first) % 2 == 0 ? Role.USER : Role.MODEL;
      Role role = turns.get(i).role();
      if (role != expected) {
        throw new InvalidSettingException(
            String.format(
                Locale.ROOT, "turn %d of the conversation is the %s's, and must be the %s's: after a system turn, if there is one, user and assistant",
                i + 1, speaker(role), speaker(expected))
                + " alternate, starting with the user");
      }
    }
    if (turns.getLast().role() != Role.USER) {
      throw new InvalidSettingException(
          "the conversation ends with the assistant's turn; it must end with the user's, for the assistant to answer");
    }
  }

  /** As most formats of conversations, and this project's documentation, call who speaks. */
  private static String speaker(Role role) {
    return role == Role.MODEL ? "assistant" : role.label();
  }
}
