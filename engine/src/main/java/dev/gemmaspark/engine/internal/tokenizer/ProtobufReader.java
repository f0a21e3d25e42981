package dev.gemmaspark.engine.internal.tokenizer;

import dev.gemmaspark.engine.error.ModelFormatException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Reads the fields of one protobuf message: {@code key varint = number << 3 | wire type}, then by wire type 0 a varint, 1 eight bytes,
 * 2 a length and as many bytes, 5 four bytes. Checks every length against the message. Not thread-safe.
 *
 * @see <a href="https://protobuf.dev/programming-guides/encoding/">Protobuf encoding</a>
 */
final class ProtobufReader {
  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int BYTES = 2;
  private static final int FIXED32 = 5;

  private final Path file;
  private final ByteBuffer buffer;

  /** Where the message starts in the file. */
  private final int offset;

  private int field;
  private int wireType;

  ProtobufReader(Path file, byte[] message) {
    this(file, ByteBuffer.wrap(message), 0);
  }

  private ProtobufReader(Path file, ByteBuffer buffer, int offset) {
    this.file = file;
    this.buffer = buffer.order(ByteOrder.LITTLE_ENDIAN);
    this.offset = offset;
  }

  /** Goes to the next field; false at the end. Its value is to be read by one of the methods below, or skipped. */
  boolean next() {
    if (!buffer.hasRemaining()) {
      return false;
    }
    long key = varint();
    field = (int) (key >>> 3);
    wireType = (int) (key & 7);
    if (key >>> 3 < 1 || key >>> 3 > 0x1FFFFFFF) {
      throw broken(String.format(Locale.ROOT, "field number %d; this is not protobuf", key >>> 3));
    }
    return true;
  }

  int field() {
    return field;
  }

  int readInt() {
    expect(VARINT);
    return (int) varint();
  }

  boolean readBoolean() {
    expect(VARINT);
    return varint() != 0;
  }

  float readFloat() {
    expect(FIXED32);
    require(Float.BYTES);
    return buffer.getFloat();
  }

  /** How many bytes a value of bytes has, passing over them. */
  int readLength() {
    return readBytes().remaining();
  }

  String readString() {
    ByteBuffer bytes = readBytes();
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
    } catch (CharacterCodingException _) {
      throw broken("a text that is not UTF-8");
    }
  }

  ProtobufReader readMessage() {
    ByteBuffer bytes = readBytes();
    return new ProtobufReader(file, bytes, offset + buffer.position() - bytes.remaining());
  }

  void skip() {
    switch (wireType) {
      case VARINT -> varint();
      case FIXED64 -> advance(Long.BYTES);
      case FIXED32 -> advance(Integer.BYTES);
      case BYTES -> readBytes();
      default -> throw broken(String.format(Locale.ROOT, "wire type %d of field %d; 0, 1, 2 or 5 expected", wireType, field));
    }
  }

  private ByteBuffer readBytes() {
    expect(BYTES);
    long length = varint();
    if (length < 0 || length > buffer.remaining()) {
      throw broken(
          String.format(Locale.ROOT, "field %d has %s bytes, but %d are left", field, Long.toUnsignedString(length), buffer.remaining()));
    }
    ByteBuffer bytes = buffer.slice(buffer.position(), (int) length);
    advance((int) length);
    return bytes;
  }

  private long varint() {
    long value = 0;
    for (int shift = 0; shift < Long.SIZE; shift += 7) {
      require(1);
      byte b = buffer.get();
      value |= (long) (b & 0x7F) << shift;
      if (b >= 0) {
        return value;
      }
    }
    throw broken("a varint of more than ten bytes");
  }

  private void advance(int length) {
    require(length);
    buffer.position(buffer.position() + length);
  }

  private void require(int length) {
    if (buffer.remaining() < length) {
      throw broken(String.format(Locale.ROOT, "the message ends within field %d", field));
    }
  }

  private void expect(int type) {
    if (wireType != type) {
      throw broken(String.format(Locale.ROOT, "field %d has wire type %d, %d expected", field, wireType, type));
    }
  }

  ModelFormatException broken(String problem) {
    return new ModelFormatException(file, offset + buffer.position(), problem);
  }
}
