package dev.gemmaspark.engine.internal.gguf;

import dev.gemmaspark.engine.internal.tensor.TensorType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes the layout that {@link GgufFile} describes: first all keys and tensors are named, then {@link #writeHeader}, then the tensors' bytes
 * at the offsets that {@link #addTensor} gave. Not thread-safe, but bytes of tensors may be written by many threads.
 */
public final class GgufWriter {
  /** Of the tensors' data; the format's default. */
  public static final int ALIGNMENT = 32;

  private static final int MAGIC = 0x46554747;
  private static final int VERSION = 3;

  private final ByteArrayOutputStream keys = new ByteArrayOutputStream();
  private final List<Tensor> tensors = new ArrayList<>();
  private long keyCount;
  private long dataBytes;

  private record Tensor(String name, long[] shape, TensorType type, long offset) {}

  public void putString(String key, String value) {
    startKey(key, GgufValueType.STRING);
    writeString(keys, value);
  }

  public void putInteger(String key, int value) {
    startKey(key, GgufValueType.UINT32);
    writeInt(keys, value);
  }

  public void putFloat(String key, float value) {
    startKey(key, GgufValueType.FLOAT32);
    writeInt(keys, Float.floatToRawIntBits(value));
  }

  public void putBoolean(String key, boolean value) {
    startKey(key, GgufValueType.BOOL);
    keys.write(value ? 1 : 0);
  }

  public void putStrings(String key, String[] values) {
    startArray(key, GgufValueType.STRING, values.length);
    for (String value : values) {
      writeString(keys, value);
    }
  }

  public void putFloats(String key, float[] values) {
    startArray(key, GgufValueType.FLOAT32, values.length);
    for (float value : values) {
      writeInt(keys, Float.floatToRawIntBits(value));
    }
  }

  public void putBooleans(String key, List<Boolean> values) {
    startArray(key, GgufValueType.BOOL, values.size());
    for (boolean value : values) {
      keys.write(value ? 1 : 0);
    }
  }

  public void putIntegers(String key, int[] values) {
    startArray(key, GgufValueType.INT32, values.length);
    for (int value : values) {
      writeInt(keys, value);
    }
  }

  private void startKey(String key, GgufValueType type) {
    keyCount++;
    writeString(keys, key);
    writeInt(keys, type.ordinal());
  }

  private void startArray(String key, GgufValueType type, int length) {
    startKey(key, GgufValueType.ARRAY);
    writeInt(keys, type.ordinal());
    writeLong(keys, length);
  }

  /**
   * Names a tensor.
   *
   * @param shape the row width last
   * @return where its bytes go, from the start of the data on
   */
  public long addTensor(String name, TensorType type, long... shape) {
    long offset = dataBytes;
    long elements = 1;
    for (long size : shape) {
      elements *= size;
    }
    tensors.add(new Tensor(name, shape, type, offset));
    dataBytes = aligned(offset + type.bytes(elements));
    return offset;
  }

  /**
   * Writes all but the tensors' bytes, and gives the file its size.
   *
   * @return where the data starts in the file
   */
  public long writeHeader(FileChannel channel) throws IOException {
    ByteArrayOutputStream header = new ByteArrayOutputStream();
    writeInt(header, MAGIC);
    writeInt(header, VERSION);
    writeLong(header, tensors.size());
    writeLong(header, keyCount);
    keys.writeTo(header);
    for (Tensor tensor : tensors) {
      writeString(header, tensor.name);
      writeInt(header, tensor.shape.length);
      for (int i = tensor.shape.length - 1; i >= 0; i--) {
        writeLong(header, tensor.shape[i]);
      }
      writeInt(header, tensor.type.ggufId());
      writeLong(header, tensor.offset);
    }
    long start = aligned(header.size());
    writeFully(channel, ByteBuffer.wrap(header.toByteArray()), 0);
    writeFully(channel, ByteBuffer.allocate(1), start + dataBytes - 1);
    return start;
  }

  /** Writes bytes at a position. */
  public static void writeFully(FileChannel channel, ByteBuffer bytes, long position) throws IOException {
    long at = position;
    while (bytes.hasRemaining()) {
      at += channel.write(bytes, at);
    }
  }

  private static long aligned(long offset) {
    return Math.ceilDiv(offset, (long) ALIGNMENT) * ALIGNMENT;
  }

  private static void writeString(ByteArrayOutputStream out, String value) {
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    writeLong(out, bytes.length);
    out.writeBytes(bytes);
  }

  private static void writeInt(ByteArrayOutputStream out, int value) {
    out.writeBytes(ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
  }

  private static void writeLong(ByteArrayOutputStream out, long value) {
    out.writeBytes(ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
  }
}
