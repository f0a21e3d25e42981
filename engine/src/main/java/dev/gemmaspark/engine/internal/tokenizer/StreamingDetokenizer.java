package dev.gemmaspark.engine.internal.tokenizer;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Token ids to text as they come, in whole characters: the bytes of an unfinished character are held back. What can no longer become
 * a character is U+FFFD. Control and unknown tokens have no text and part nothing: bytes before and after one make one character.
 * Not thread-safe.
 */
public final class StreamingDetokenizer {
  private final Vocabulary vocabulary;
  private final CharsetDecoder decoder =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPLACE)
          .onUnmappableCharacter(CodingErrorAction.REPLACE);

  /** Bytes that do not make a character yet: at most three, and the new one. */
  private final ByteBuffer pending = ByteBuffer.allocate(4);

  /** What four bytes can make at the most: four times U+FFFD. */
  private final CharBuffer characters = CharBuffer.allocate(4);

  public StreamingDetokenizer(Vocabulary vocabulary) {
    this.vocabulary = vocabulary;
  }

  /** The text that this token completes; empty if there is none yet. */
  public String feed(int id) {
    return switch (vocabulary.types()[id]) {
      case CONTROL, UNKNOWN -> "";
      case BYTE -> {
        pending.put(vocabulary.byteOf(id));
        yield decodePending(false);
      }
      case NORMAL, USER_DEFINED, UNUSED ->
          finish() + vocabulary.pieces()[id].replace(Vocabulary.SPACE, ' ');
    };
  }

  /** Ends the text: what was held back can no longer become a character. The next token starts a new text. */
  public String finish() {
    return pending.position() == 0 ? "" : decodePending(true);
  }

  private String decodePending(boolean last) {
    pending.flip();
    decoder.decode(pending, characters, last);
    if (last) {
      decoder.flush(characters);
      decoder.reset();
    }
    pending.compact();
    String text = characters.flip().toString();
    characters.clear();
    return text;
  }
}
