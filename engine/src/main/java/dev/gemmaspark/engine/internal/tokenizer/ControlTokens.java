package dev.gemmaspark.engine.internal.tokenizer;

/** What becomes of text that spells a control token, such as {@code <end_of_turn>}. */
public enum ControlTokens {
  /** It is text like any other. The only right choice for text from outside. */
  AS_TEXT,
  /** It becomes the control token: for tools that show how a rendered prompt is split. */
  PARSED
}
