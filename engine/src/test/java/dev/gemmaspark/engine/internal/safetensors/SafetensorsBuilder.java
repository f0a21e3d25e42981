package dev.gemmaspark.engine.internal.safetensors;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.StringJoiner;

/** Writes safetensors files, sound ones and others. */
public final class SafetensorsBuilder {
  private final StringJoiner header = new StringJoiner(",", "{", "}");
  private final ByteArrayOutputStream data = new ByteArrayOutputStream();

  public SafetensorsBuilder floats(String name, float[] values, int... shape) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    int begin = data.size();
    data.writeBytes(bytes.array());
    return entry(
        String.format(Locale.ROOT, "\"%s\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[%d,%d]}",
            name, Arrays.toString(shape).replace(" ", ""), begin, data.size()));
  }

  /** A part of the header as it is to stand there. */
  public SafetensorsBuilder entry(String json) {
    header.add(json);
    return this;
  }

  public SafetensorsBuilder bytes(int count) {
    data.writeBytes(new byte[count]);
    return this;
  }

  public byte[] build() {
    return file(header.toString().getBytes(StandardCharsets.UTF_8), data.toByteArray());
  }

  static byte[] file(byte[] header, byte[] data) {
    return file(header.length, header, data);
  }

  /** A file whose header may be longer or shorter than it says. */
  static byte[] file(long said, byte[] header, byte[] data) {
    return ByteBuffer.allocate(8 + header.length + data.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(said)
        .put(header)
        .put(data)
        .array();
  }
}
