package dev.gemmaspark.engine.internal.tokenizer;

import dev.gemmaspark.engine.chat.ChatTemplate;
import dev.gemmaspark.engine.chat.RenderedPrompt;
import dev.gemmaspark.engine.chat.RenderedPrompt.Control;
import dev.gemmaspark.engine.chat.RenderedPrompt.Text;
import dev.gemmaspark.engine.error.InvalidSettingException;
import dev.gemmaspark.engine.generation.Prompt;
import dev.gemmaspark.engine.generation.Truncation;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.BooleanSupplier;

/**
 * Prompts to token ids. Control ids come from the vocabulary's constants alone, and text is encoded with control tokens off: no text
 * can forge a turn. Immutable and safe for use by many threads.
 */
public final class PromptEncoder {
  private final Tokenizer tokenizer;
  private final Vocabulary vocabulary;
  private final Optional<ChatTemplate> template;

  /** @param template empty where the model was taught chats in a form that is not known: it then takes raw prompts alone */
  public PromptEncoder(Tokenizer tokenizer, Optional<ChatTemplate> template) {
    this.tokenizer = tokenizer;
    this.vocabulary = tokenizer.vocabulary();
    this.template = template;
  }

  /**
   * A prompt as the model is shown it.
   *
   * @throws InvalidSettingException if the turns make no conversation, or the model's form of conversations is not known
   */
  public RenderedPrompt render(Prompt prompt) {
    return switch (prompt) {
      case Prompt.Chat(var turns) -> chatTemplate().render(turns);
      case Prompt.Raw(var text) -> RenderedPrompt.raw(text);
    };
  }

  /** At least so many tokens has a prompt, known without encoding it. */
  public long fewestTokens(RenderedPrompt prompt) {
    long tokens = 0;
    for (RenderedPrompt.Part part : prompt.parts()) {
      tokens +=
          switch (part) {
            case Control _ -> 1;
            case Text text -> tokenizer.fewestTokens(text.text().length());
          };
    }
    return tokens;
  }

  /**
   * How conversations become prompts.
   *
   * @throws InvalidSettingException if that is not known of this model
   */
  public ChatTemplate chatTemplate() {
    return template.orElseThrow(
        () ->
            new InvalidSettingException(
                "the model brings a chat template that is not Gemma's, and no other is supported; name the template that it was taught"
                    + " (--chat-template, spark.gemma.chatTemplate: gemma or gemma_with_system_turn), or give it raw prompts"));
  }

  /**
   * The token ids of a prompt.
   *
   * @param cancelled as in {@link Tokenizer#encode(String, ControlTokens, BooleanSupplier)}
   * @throws InvalidSettingException if the model knows no turns
   */
  public EncodedPrompt encode(RenderedPrompt prompt, BooleanSupplier cancelled) {
    TokenBuffer out = new TokenBuffer();
    int from = 0;
    int to = 0;
    for (RenderedPrompt.Part part : prompt.parts()) {
      switch (part) {
        case Control control -> out.add(id(control));
        case Text text -> {
          int start = out.size();
          int[] ids = tokenizer.encode(text.text(), ControlTokens.AS_TEXT, cancelled);
          out.add(ids);
          if (text.fixed() < text.text().length()) {
            from = start + firstAfter(text.fixed(), ids);
            to = out.size();
          }
        }
      }
    }
    return new EncodedPrompt(out.toArray(), from, to);
  }

  /**
   * Makes a prompt fit by dropping tokens of its last user text, whole characters only.
   *
   * @param longest how many tokens may stay
   * @return empty if it cannot be made to fit in this way
   */
  public Optional<EncodedPrompt> truncate(EncodedPrompt prompt, int longest, Truncation truncation) {
    int excess = prompt.length() - longest;
    if (excess <= 0) {
      return Optional.of(prompt);
    }
    if (excess > prompt.to() - prompt.from()) {
      return Optional.empty();
    }
    return switch (truncation) {
      case FAIL -> Optional.empty();
      case KEEP_HEAD -> {
        int start = prompt.to() - excess;
        while (start > prompt.from() && continuesCharacter(prompt.ids()[start])) {
          start--;
        }
        yield Optional.of(prompt.without(start, prompt.to()));
      }
      case KEEP_TAIL -> {
        int end = prompt.from() + excess;
        while (end < prompt.to() && continuesCharacter(prompt.ids()[end])) {
          end++;
        }
        yield Optional.of(prompt.without(prompt.from(), end));
      }
    };
  }

  private int id(Control control) {
    OptionalInt id =
        switch (control) {
          case BOS -> OptionalInt.of(vocabulary.bos());
          case START_OF_TURN -> vocabulary.startOfTurn();
          case END_OF_TURN -> vocabulary.endOfTurn();
        };
    return id.orElseThrow(
        () ->
            new InvalidSettingException(
                String.format(Locale.ROOT, "the model's vocabulary has no %s and %s, so it cannot chat; give it a raw prompt",
                    Vocabulary.START_OF_TURN, Vocabulary.END_OF_TURN)));
  }

  /** The first token that starts a character at or after this one of the text. */
  private int firstAfter(int character, int[] ids) {
    int token = 0;
    for (int covered = 0; covered < character && token < ids.length; token++) {
      covered += characters(ids[token]);
    }
    while (token < ids.length && continuesCharacter(ids[token])) {
      token++;
    }
    return token;
  }

  /** How many characters (UTF-16 units) of the text a token starts. */
  private int characters(int id) {
    if (vocabulary.types()[id] != TokenType.BYTE) {
      return vocabulary.pieces()[id].length();
    }
    boolean supplementary = (vocabulary.byteOf(id) & 0xF8) == 0xF0;
    return continuesCharacter(id) ? 0 : supplementary ? 2 : 1;
  }

  /** Whether a token is a byte inside a character (10xxxxxx), not the start of one. */
  private boolean continuesCharacter(int id) {
    return vocabulary.types()[id] == TokenType.BYTE && (vocabulary.byteOf(id) & 0xC0) == 0x80;
  }
}
