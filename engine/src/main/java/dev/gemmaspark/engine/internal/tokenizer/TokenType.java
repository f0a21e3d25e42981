package dev.gemmaspark.engine.internal.tokenizer;

/** What a piece of the vocabulary is for. The order is that of GGUF's {@code tokenizer.ggml.token_type}, which starts at 1. */
public enum TokenType {
  /** A learned piece of text. */
  NORMAL,
  /** Stands for what cannot be encoded. */
  UNKNOWN,
  /** Structure, such as {@code <bos>} or {@code <start_of_turn>}: never text. */
  CONTROL,
  /** Text that is cut out before anything is merged, such as runs of newlines. */
  USER_DEFINED,
  /** Takes part in merges and is taken apart again; only where it is a single character is it ever emitted. */
  UNUSED,
  /** One byte, for text that no piece covers. */
  BYTE
}
