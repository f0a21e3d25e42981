package dev.gemmaspark.engine.chat;

import java.util.Objects;

/**
 * One message of a conversation.
 *
 * @param role who speaks
 * @param text what is said: ordinary text, whatever control tokens it spells
 */
public record ChatTurn(Role role, String text) {
  public ChatTurn {
    Objects.requireNonNull(role, "role");
    Objects.requireNonNull(text, "text");
  }

  public static ChatTurn system(String text) {
    return new ChatTurn(Role.SYSTEM, text);
  }

  public static ChatTurn user(String text) {
    return new ChatTurn(Role.USER, text);
  }

  public static ChatTurn model(String text) {
    return new ChatTurn(Role.MODEL, text);
  }
}
