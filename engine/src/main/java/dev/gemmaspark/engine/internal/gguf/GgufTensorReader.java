package dev.gemmaspark.engine.internal.gguf;

import dev.gemmaspark.engine.internal.tensor.StoredTensor;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Reads and checks the tensor infos of a file, and finds their data. */
final class GgufTensorReader {
  /** A name of one byte and its length, dimensions, one size, a type and an offset. */
  static final int LEAST_BYTES = 8 + 1 + 4 + 8 + 4 + 8;

  private static final int MOST_TENSORS = 1 << 16;
  private static final int LONGEST_NAME = 64;
  private static final int MOST_DIMENSIONS = 4;
  private static final int DEFAULT_ALIGNMENT = 32;
  private static final int LARGEST_ALIGNMENT = 1 << 20;
  private static final String ALIGNMENT_KEY = "general.alignment";

  /** Names of types that others know, by their number. */
  private static final Map<Integer, String> FOREIGN_TYPES =
      Map.ofEntries(
          Map.entry(9, "Q8_1"),
          Map.entry(15, "Q8_K"),
          Map.entry(16, "IQ2_XXS"),
          Map.entry(17, "IQ2_XS"),
          Map.entry(18, "IQ3_XXS"),
          Map.entry(19, "IQ1_S"),
          Map.entry(21, "IQ3_S"),
          Map.entry(22, "IQ2_S"),
          Map.entry(24, "I8"),
          Map.entry(25, "I16"),
          Map.entry(26, "I32"),
          Map.entry(27, "I64"),
          Map.entry(28, "F64"),
          Map.entry(29, "IQ1_M"),
          Map.entry(39, "MXFP4"));

  private final MemorySegment memory;
  private final GgufCursor cursor;
  private final long alignment;

  private record Header(String name, long[] shape, TensorType type, long offset, long bytes, long at) {}

  GgufTensorReader(MemorySegment memory, GgufCursor cursor, GgufMetadata metadata) {
    this.memory = memory;
    this.cursor = cursor;
    this.alignment = metadata.optionalInteger(ALIGNMENT_KEY).orElse(DEFAULT_ALIGNMENT);
    if (alignment < 1 || alignment > LARGEST_ALIGNMENT || Long.bitCount(alignment) != 1) {
      throw cursor.broken(
          String.format(Locale.ROOT, "%s is %d; a power of two up to %d expected", ALIGNMENT_KEY, alignment, LARGEST_ALIGNMENT));
    }
  }

  Map<String, StoredTensor> read(long count) {
    if (count > MOST_TENSORS) {
      throw cursor.broken(String.format(Locale.ROOT, "the file has %d tensors; at most %d are allowed", count, MOST_TENSORS));
    }
    List<Header> headers = new ArrayList<>();
    for (long i = 0; i < count; i++) {
      headers.add(readHeader());
    }
    long data = Math.ceilDiv(cursor.position(), alignment) * alignment;
    checkExtents(headers, data);
    Map<String, StoredTensor> tensors = new LinkedHashMap<>();
    for (Header header : headers) {
      StoredTensor tensor =
          new StoredTensor(
              header.name, reversed(header.shape), header.type, memory.asSlice(data + header.offset, header.bytes));
      if (tensors.put(header.name, tensor) != null) {
        throw cursor.broken(header.at, "tensor " + header.name + " stands twice in the file");
      }
    }
    return tensors;
  }

  /** GGUF has the row width first. */
  private static long[] reversed(long[] shape) {
    long[] reversed = new long[shape.length];
    for (int i = 0; i < shape.length; i++) {
      reversed[i] = shape[shape.length - 1 - i];
    }
    return reversed;
  }

  private Header readHeader() {
    long at = cursor.position();
    String name = cursor.readString(LONGEST_NAME, "the name of a tensor");
    if (name.isEmpty()) {
      throw cursor.broken(at, "a tensor has no name");
    }
    int dimensions = cursor.readInt("the dimensions of tensor " + name);
    if (dimensions < 1 || dimensions > MOST_DIMENSIONS) {
      throw cursor.broken(
          at, String.format(Locale.ROOT, "tensor %s has %s dimensions; 1 to 4 expected", name, Integer.toUnsignedString(dimensions)));
    }
    long[] shape = new long[dimensions];
    for (int i = 0; i < dimensions; i++) {
      shape[i] = cursor.readLong("the shape of tensor " + name);
    }
    TensorType type = readType(name, at);
    long offset = cursor.readLong("the offset of tensor " + name);
    return new Header(name, shape, type, offset, bytes(name, shape, type, at), at);
  }

  private TensorType readType(String name, long at) {
    int id = cursor.readInt("the type of tensor " + name);
    Optional<TensorType> type = TensorType.ofGgufId(id);
    return type.orElseThrow(
        () ->
            cursor.broken(
                at,
                String.format(Locale.ROOT, "tensor %s has type %s, which is not supported; supported are %s: convert the model to one of them", name,
                        FOREIGN_TYPES.getOrDefault(id, Integer.toUnsignedString(id)),
                        Arrays.toString(TensorType.values()))));
  }

  private long bytes(String name, long[] shape, TensorType type, long at) {
    long elements = 1;
    for (long size : shape) {
      if (size < 1) {
        throw cursor.broken(
            at, String.format(Locale.ROOT, "tensor %s has shape %s; all sizes must be 1 or more", name, unsigned(shape)));
      }
      if (elements > Long.MAX_VALUE / type.blockBytes() / size) {
        throw cursor.broken(at, String.format(Locale.ROOT, "tensor %s has shape %s, larger than any file", name, unsigned(shape)));
      }
      elements *= size;
    }
    if (shape[0] % type.blockSize() != 0) {
      throw cursor.broken(
          at,
          String.format(Locale.ROOT, "tensor %s has rows of %d weights; %s needs a multiple of %d", name, shape[0], type, type.blockSize()));
    }
    return type.bytes(elements);
  }

  private static String unsigned(long[] shape) {
    return Arrays.toString(Arrays.stream(shape).mapToObj(Long::toUnsignedString).toArray());
  }

  /** Every tensor inside the file, aligned, and none over another. */
  private void checkExtents(List<Header> headers, long data) {
    for (Header header : headers) {
      if (header.offset % alignment != 0) {
        throw cursor.broken(
            header.at,
            String.format(Locale.ROOT, "tensor %s has offset %s, which is no multiple of the alignment %d",
                header.name, Long.toUnsignedString(header.offset), alignment));
      }
      long room = memory.byteSize() - data;
      if (header.offset < 0 || header.offset > room || header.bytes > room - header.offset) {
        throw cursor.broken(
            header.at,
            String.format(
                Locale.ROOT, "tensor %s needs %d bytes from byte %s of the data on, but the data ends at %d; the file is cut short or broken: get it",
                header.name, header.bytes, Long.toUnsignedString(header.offset), Math.max(0, room))
                + " again");
      }
    }
    List<Header> ordered = new ArrayList<>(headers);
    ordered.sort(Comparator.comparingLong(Header::offset));
    for (int i = 1; i < ordered.size(); i++) {
      Header before = ordered.get(i - 1);
      Header after = ordered.get(i);
      if (after.offset < before.offset + before.bytes) {
        throw cursor.broken(
            after.at, String.format(Locale.ROOT, "tensors %s and %s overlap in the file", before.name, after.name));
      }
    }
  }
}
