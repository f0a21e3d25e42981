package dev.gemmaspark.engine.internal.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Encodes a character that is no piece by its UTF-8 bytes; as the unknown piece where the vocabulary lacks one. Immutable. */
final class ByteFallback {
  private final int[] ids = new int[256];
  private final int unknown;

  ByteFallback(Vocabulary vocabulary) {
    unknown = vocabulary.unknown();
    Arrays.fill(ids, unknown);
    for (int id = 0; id < vocabulary.size(); id++) {
      if (vocabulary.types()[id] == TokenType.BYTE) {
        ids[vocabulary.byteOf(id) & 0xFF] = id;
      }
    }
  }

  void encode(char[] text, int from, int to, TokenBuffer out) {
    byte[] bytes = new String(text, from, to - from).getBytes(StandardCharsets.UTF_8);
    for (byte b : bytes) {
      int id = ids[b & 0xFF];
      if (id == unknown) {
        // Neighbours that are unknown make one unknown piece, as in SentencePiece.
        if (!out.endsWith(unknown)) {
          out.add(unknown);
        }
      } else {
        out.add(id);
      }
    }
  }
}
