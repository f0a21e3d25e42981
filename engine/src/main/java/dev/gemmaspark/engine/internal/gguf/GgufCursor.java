package dev.gemmaspark.engine.internal.gguf;

import dev.gemmaspark.engine.error.ModelFormatException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;

/**
 * A place in a mapped file. Every read is checked against the file's end; sizes in the file are unsigned, so a negative {@code long}
 * is too large. Belongs to one thread.
 */
final class GgufCursor {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Path file;
  private final MemorySegment memory;
  private long position;

  GgufCursor(Path file, MemorySegment memory, long position) {
    this.file = file;
    this.memory = memory;
    this.position = position;
  }

  long position() {
    return position;
  }

  long remaining() {
    return memory.byteSize() - position;
  }

  ModelFormatException broken(String problem) {
    return broken(position, problem);
  }

  ModelFormatException broken(long offset, String problem) {
    return new ModelFormatException(file, offset, problem);
  }

  byte readByte(String what) {
    return memory.get(ValueLayout.JAVA_BYTE, advance(1, what));
  }

  short readShort(String what) {
    return memory.get(SHORT, advance(2, what));
  }

  int readInt(String what) {
    return memory.get(INT, advance(4, what));
  }

  long readLong(String what) {
    return memory.get(LONG, advance(8, what));
  }

  /** A count of things that take so many bytes each at the least: what is left of the file must hold them. */
  long readCount(long leastBytes, String what) {
    long at = position;
    long count = readLong(what);
    if (count < 0 || count > remaining() / leastBytes) {
      throw broken(
          at,
          String.format(Locale.ROOT, "%s is %s, but only %d bytes of the file are left; the file is cut short or broken: get it again",
              what, Long.toUnsignedString(count), remaining()));
    }
    return count;
  }

  /** Text of at most so many bytes. */
  String readString(int longest, String what) {
    long at = position;
    long length = readCount(1, "the length of " + what);
    if (length > longest) {
      throw broken(at, String.format(Locale.ROOT, "%s has %d bytes; at most %d are allowed", what, length, longest));
    }
    long start = advance(length, what);
    ByteBuffer bytes = memory.asSlice(start, length).asByteBuffer();
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .onUnmappableCharacter(CodingErrorAction.REPORT)
          .decode(bytes)
          .toString();
    } catch (CharacterCodingException e) {
      throw broken(start, what + " is not UTF-8");
    }
  }

  void skipString(String what) {
    advance(readCount(1, "the length of " + what), what);
  }

  void skip(long bytes, String what) {
    advance(bytes, what);
  }

  private long advance(long bytes, String what) {
    if (bytes > remaining()) {
      throw broken(
          String.format(Locale.ROOT, "%s needs %d bytes, but the file ends after %d; it is cut short: get it again", what, bytes, remaining()));
    }
    long at = position;
    position += bytes;
    return at;
  }
}
