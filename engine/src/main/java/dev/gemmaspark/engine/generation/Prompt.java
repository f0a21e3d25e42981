package dev.gemmaspark.engine.generation;

import dev.gemmaspark.engine.chat.ChatTurn;
import java.util.List;
import java.util.Objects;

/** What a request shows the model. */
public sealed interface Prompt {

  /** A conversation, rendered by the model's chat template, to be answered by the model's next turn. */
  record Chat(List<ChatTurn> turns) implements Prompt {
    public Chat {
      turns = List.copyOf(turns);
    }
  }

  /** Text to be continued as it stands, after {@code <bos>}: for pre-trained models. */
  record Raw(String text) implements Prompt {
    public Raw {
      Objects.requireNonNull(text, "text");
    }
  }

  /** One user turn. */
  static Prompt user(String text) {
    return new Chat(List.of(ChatTurn.user(text)));
  }
}
