package dev.gemmaspark.engine.chat;

import java.util.List;
import java.util.Objects;

/**
 * What the model is shown, with control tokens and text kept apart: there is no string in which text could pass for a control
 * token. Every text is to be encoded by itself, as a whole.
 *
 * @param parts in order
 */
public record RenderedPrompt(List<Part> parts) {
  public RenderedPrompt {
    parts = List.copyOf(parts);
  }

  /** Text to be continued as it stands, after {@code <bos>}. */
  public static RenderedPrompt raw(String text) {
    return new RenderedPrompt(List.of(Control.BOS, new Text(text, 0)));
  }

  /** A control token or a text. */
  public sealed interface Part {}

  /** The control tokens of Gemma's chat format. */
  public enum Control implements Part {
    BOS,
    START_OF_TURN,
    END_OF_TURN
  }

  /**
   * Text between control tokens.
   *
   * @param text the whole text
   * @param fixed how many characters at its start must stay if the prompt is too long; from there on it is the last text of the
   *     user, of which parts may be dropped
   */
  public record Text(String text, int fixed) implements Part {
    public Text {
      Objects.checkIndex(fixed, text.length() + 1);
    }

    /** Text of which nothing may be dropped. */
    static Text fixed(String text) {
      return new Text(text, text.length());
    }
  }
}
