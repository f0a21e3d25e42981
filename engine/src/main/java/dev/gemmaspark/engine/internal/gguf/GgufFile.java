package dev.gemmaspark.engine.internal.gguf;

import dev.gemmaspark.engine.error.ModelFormatException;
import dev.gemmaspark.engine.error.ModelNotFoundException;
import dev.gemmaspark.engine.internal.tensor.StoredTensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * A GGUF file of version 2 or 3, mapped; all sizes and offsets in it have been checked when it is open.
 *
 * <pre>
 * magic "GGUF" | version u32 | tensors u64 | keys u64
 * for each key: name string | type u32 | value; an array is element type u32 | count u64 | elements
 * for each tensor: name string | dimensions u32 | sizes u64[], row width first | type u32 | offset u64 in the data
 * zeros up to a multiple of general.alignment (32) | data, each tensor from a multiple of it on
 * </pre>
 *
 * A string is its length in bytes, u64, and UTF-8. All numbers are little-endian. Source: docs/gguf.md of
 * https://github.com/ggml-org/ggml. The mapping lives as long as something refers to it.
 *
 * @param path where it is
 * @param metadata its keys and values
 * @param tensors by name
 */
public record GgufFile(Path path, GgufMetadata metadata, Map<String, StoredTensor> tensors) {
  private static final int MAGIC = 0x46554747;
  private static final int OLDEST_VERSION = 2;
  private static final int NEWEST_VERSION = 3;
  private static final int MOST_KEYS = 1 << 16;
  private static final int LONGEST_KEY = 65535;
  private static final int LONGEST_STRING = 32 << 20;
  private static final long MOST_TEXT = 64 << 20;

  /** A name's length, a type and a value of one byte. */
  private static final int LEAST_KEY_BYTES = 8 + 1 + 4 + 1;

  /**
   * Opens a file.
   *
   * @throws ModelNotFoundException if it is missing or cannot be read
   * @throws ModelFormatException if it is not GGUF, or broken
   */
  public static GgufFile open(Path path) {
    if (Files.isDirectory(path)) {
      throw new ModelNotFoundException(path + " is a directory; name the GGUF file in it");
    }
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      long size = channel.size();
      if (size == 0) {
        throw new ModelFormatException(path, 0, "the file is empty; get it again");
      }
      return parse(path, channel.map(FileChannel.MapMode.READ_ONLY, 0, size, Arena.ofAuto()));
    } catch (NoSuchFileException e) {
      throw new ModelNotFoundException("There is no file " + path.toAbsolutePath() + "; check the path", e);
    } catch (AccessDeniedException e) {
      throw new ModelNotFoundException("The file " + path + " may not be read by this user; check its permissions", e);
    } catch (IOException e) {
      throw new ModelNotFoundException("The file " + path + " cannot be read: " + e.getMessage(), e);
    }
  }

  static GgufFile parse(Path path, MemorySegment memory) {
    GgufCursor cursor = new GgufCursor(path, memory, 0);
    if (memory.byteSize() < 4 || cursor.readInt("the magic number") != MAGIC) {
      throw ForeignFile.named(path, memory);
    }
    checkVersion(cursor);
    long tensors = cursor.readCount(GgufTensorReader.LEAST_BYTES, "the number of tensors");
    long keys = cursor.readCount(LEAST_KEY_BYTES, "the number of keys");
    if (keys > MOST_KEYS) {
      throw cursor.broken(String.format(Locale.ROOT, "the file has %d keys; at most %d are allowed", keys, MOST_KEYS));
    }
    GgufMetadata metadata = readMetadata(path, memory, cursor, keys);
    return new GgufFile(path, metadata, new GgufTensorReader(memory, cursor, metadata).read(tensors));
  }

  private static void checkVersion(GgufCursor cursor) {
    int version = cursor.readInt("the version");
    if (version < OLDEST_VERSION || version > NEWEST_VERSION) {
      String hint = Integer.reverseBytes(version) <= NEWEST_VERSION && version != 1 && version != 0
          ? " (it seems to be of a big-endian machine)"
          : "";
      throw cursor.broken(
          4,
          String.format(Locale.ROOT, "GGUF version %s%s; %d and %d are read: convert the model again",
              Integer.toUnsignedString(version), hint, OLDEST_VERSION, NEWEST_VERSION));
    }
  }

  private static GgufMetadata readMetadata(
      Path path, MemorySegment memory, GgufCursor cursor, long keys) {
    Map<String, Object> values = new HashMap<>();
    long text = 0;
    for (long i = 0; i < keys; i++) {
      long at = cursor.position();
      String key = cursor.readString(LONGEST_KEY, "the name of a key");
      if (key.isEmpty()) {
        throw cursor.broken(at, "a key has no name");
      }
      GgufValueType type = GgufValueType.read(cursor, key);
      Object value = readValue(path, memory, key, type, cursor);
      text += value instanceof String string ? string.length() : 0;
      if (text > MOST_TEXT) {
        throw cursor.broken(at, String.format(Locale.ROOT, "the texts of the keys have more than %d characters", MOST_TEXT));
      }
      if (values.put(key, value) != null) {
        throw cursor.broken(at, "the key " + key + " stands twice in the file");
      }
    }
    return new GgufMetadata(path, values);
  }

  private static Object readValue(
      Path path, MemorySegment memory, String key, GgufValueType type, GgufCursor cursor) {
    return switch (type) {
      case UINT8 -> Byte.toUnsignedLong(cursor.readByte(key));
      case INT8 -> (long) cursor.readByte(key);
      case UINT16 -> Short.toUnsignedLong(cursor.readShort(key));
      case INT16 -> (long) cursor.readShort(key);
      case UINT32 -> Integer.toUnsignedLong(cursor.readInt(key));
      case INT32 -> (long) cursor.readInt(key);
      case FLOAT32 -> Float.intBitsToFloat(cursor.readInt(key));
      case BOOL -> cursor.readByte(key) != 0;
      case STRING -> cursor.readString(LONGEST_STRING, key);
      case ARRAY -> GgufArray.read(path, memory, key, cursor);
      case UINT64, INT64 -> cursor.readLong(key);
      case FLOAT64 -> Double.longBitsToDouble(cursor.readLong(key));
    };
  }

  /** A tensor, if the file has it. */
  public Optional<StoredTensor> tensor(String name) {
    return Optional.ofNullable(tensors.get(name));
  }
}
