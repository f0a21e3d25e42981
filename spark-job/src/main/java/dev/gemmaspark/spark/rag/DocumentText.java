package dev.gemmaspark.spark.rag;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The characters of a file: by its byte order mark; else by what an HTML page declares; else UTF-8; and what is none of these is guessed.
 *
 * @param guess what was guessed, for people; null if nothing was
 */
record DocumentText(String text, String guess) {
  private static final Charset WESTERN = Charset.forName("windows-1252");
  private static final Pattern DECLARED = Pattern.compile("(?i)charset\\s*=\\s*[\"']?\\s*([\\w:.-]+)");

  /** Where a declaration stands, by the rules of HTML. */
  private static final int DECLARATION_BYTES = 1024;

  /** Of a text of Latin letters in UTF-16 half of the bytes are zero; of others in UTF-8 none is. */
  private static final int ZERO_SHARE = 4;

  /** @throws IOException if the bytes are no text */
  static DocumentText of(byte[] bytes, boolean html) throws IOException {
    if (bytes.length >= 2 && (bytes[0] == (byte) 0xFF && bytes[1] == (byte) 0xFE || bytes[0] == (byte) 0xFE && bytes[1] == (byte) 0xFF)) {
      return new DocumentText(new String(bytes, StandardCharsets.UTF_16), null);
    }
    Charset declared = html ? declared(bytes) : null;
    if (declared != null) {
      try {
        return new DocumentText(decode(bytes, declared), null);
      } catch (CharacterCodingException e) {
        // it is not what it says
        declared = null;
      }
    }
    int even = 0;
    int odd = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == 0) {
        even += 1 - i % 2;
        odd += i % 2;
      }
    }
    try {
      if (bytes.length > 0 && even + odd > bytes.length / ZERO_SHARE) {
        return guessed(bytes, odd > even ? StandardCharsets.UTF_16LE : StandardCharsets.UTF_16BE);
      }
      return new DocumentText(decode(bytes, StandardCharsets.UTF_8), null);
    } catch (CharacterCodingException e) {
      try {
        return guessed(bytes, WESTERN);
      } catch (CharacterCodingException neither) {
        throw new IOException("its bytes are text in neither UTF-8 nor " + WESTERN + "; save it as UTF-8", neither);
      }
    }
  }

  private static DocumentText guessed(byte[] bytes, Charset charset) throws CharacterCodingException {
    return new DocumentText(decode(bytes, charset), "it is not UTF-8, and was read as " + charset);
  }

  private static String decode(byte[] bytes, Charset charset) throws CharacterCodingException {
    return charset.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
  }

  /** Null if nothing is declared that this JVM knows. */
  private static Charset declared(byte[] bytes) {
    Matcher declared = DECLARED.matcher(new String(bytes, 0, Math.min(bytes.length, DECLARATION_BYTES), StandardCharsets.ISO_8859_1));
    if (!declared.find()) {
      return null;
    }
    try {
      Charset charset = Charset.forName(declared.group(1));
      // a declaration that can be read is not in UTF-16
      return charset.name().startsWith("UTF-16") ? StandardCharsets.UTF_8 : charset;
    } catch (IllegalArgumentException e) {
      return null;
    }
  }
}
