package dev.gemmaspark.engine.internal.safetensors;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import dev.gemmaspark.engine.error.ModelFormatException;
import dev.gemmaspark.engine.error.ModelNotFoundException;
import dev.gemmaspark.engine.error.UnsupportedModelException;
import dev.gemmaspark.engine.internal.tensor.StoredTensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A safetensors file, mapped. Everything is checked when it is opened.
 *
 * <pre>
 * u64 length of the header | header, JSON: {"name": {"dtype": "BF16", "shape": [rows, columns], "data_offsets": [begin, end]}, …,
 * "__metadata__": {"key": "text", …}} | data
 * </pre>
 *
 * Offsets count from the first byte of the data; the tensors fill the data without a gap. Source:
 * https://github.com/huggingface/safetensors. The mapping lives as long as something refers to it.
 */
public final class SafetensorsFile {
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final long LONGEST_HEADER = 32 << 20;
  private static final int MOST_TENSORS = 1 << 16;
  private static final int DEEPEST = 4;
  private static final int LONGEST_NAME = 1024;
  private static final int MOST_DIMENSIONS = 8;
  private static final String METADATA = "__metadata__";
  private static final Set<String> FIELDS = Set.of("dtype", "shape", "data_offsets");

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(DEEPEST)
                  .maxNumberLength(20)
                  .maxNameLength(LONGEST_NAME)
                  .maxStringLength(1 << 20)
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .build();

  private final Path path;
  private final MemorySegment data;
  private final Map<String, Entry> entries = new LinkedHashMap<>();

  private record Entry(String name, Dtype dtype, long[] shape, long begin, long end) {}

  private SafetensorsFile(Path path, MemorySegment memory) {
    this.path = path;
    if (memory.byteSize() < Long.BYTES) {
      throw broken(0, String.format(Locale.ROOT, "the file has %d bytes; a safetensors file has at least 8: get it again", memory.byteSize()));
    }
    long length = memory.get(LONG, 0);
    long room = memory.byteSize() - Long.BYTES;
    if (length < 0 || length > LONGEST_HEADER || length > room) {
      throw broken(
          0,
          String.format(
              Locale.ROOT,
              "the header has %s bytes, but %d are left and at most %d allowed; this is no safetensors file, or it is cut short: get it again",
              Long.toUnsignedString(length), room, LONGEST_HEADER));
    }
    this.data = memory.asSlice(Long.BYTES + length);
    parse(text(memory.asSlice(Long.BYTES, length)));
    checkExtents();
  }

  /**
   * Opens a file.
   *
   * @throws ModelNotFoundException if it is missing or cannot be read
   * @throws ModelFormatException if it is not safetensors, or broken
   */
  public static SafetensorsFile open(Path path) {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      return new SafetensorsFile(path, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), Arena.ofAuto()));
    } catch (NoSuchFileException e) {
      throw new ModelNotFoundException("There is no file " + path.toAbsolutePath() + "; the model is not whole: get it again", e);
    } catch (IOException e) {
      throw new ModelNotFoundException("The file " + path + " cannot be read: " + e.getMessage(), e);
    }
  }

  private String text(MemorySegment header) {
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .decode(header.asByteBuffer())
          .toString();
    } catch (CharacterCodingException e) {
      throw broken(Long.BYTES, "the header is not UTF-8; this is no safetensors file");
    }
  }

  private void parse(String header) {
    if (!header.startsWith("{")) {
      throw broken(Long.BYTES, "the header does not start with '{'; this is no safetensors file");
    }
    try (JsonParser json = JSON.createParser(header)) {
      json.nextToken();
      while (json.nextToken() != JsonToken.END_OBJECT) {
        String name = json.currentName();
        json.nextToken();
        if (name.equals(METADATA)) {
          json.skipChildren();
        } else {
          entries.put(name, readEntry(name, json));
          if (entries.size() > MOST_TENSORS) {
            throw broken(Long.BYTES, String.format(Locale.ROOT, "the file has more than %d tensors", MOST_TENSORS));
          }
        }
      }
      if (json.nextToken() != null) {
        throw broken(Long.BYTES, "the header goes on after its end");
      }
    } catch (JacksonException e) {
      throw broken(Long.BYTES, "the header is not the JSON of a safetensors file: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw new IllegalStateException("reading from memory", e);
    }
  }

  private Entry readEntry(String name, JsonParser json) throws IOException {
    expect(json, json.currentToken(), JsonToken.START_OBJECT, name);
    Dtype dtype = null;
    long[] shape = null;
    long[] offsets = null;
    while (json.nextToken() != JsonToken.END_OBJECT) {
      String field = json.currentName();
      if (!FIELDS.contains(field)) {
        throw broken(Long.BYTES, String.format(Locale.ROOT, "tensor %s has an unknown field %s", name, field));
      }
      json.nextToken();
      switch (field) {
        case "dtype" -> {
          expect(json, json.currentToken(), JsonToken.VALUE_STRING, name);
          String text = json.getText();
          dtype = Dtype.named(text).orElseThrow(() -> broken(Long.BYTES, String.format(Locale.ROOT, "tensor %s has the unknown type %s",
              name, text)));
        }
        case "shape" -> shape = readSizes(name, json, MOST_DIMENSIONS);
        default -> offsets = readSizes(name, json, 2);
      }
    }
    if (dtype == null || shape == null || offsets == null || offsets.length != 2) {
      throw broken(Long.BYTES, String.format(Locale.ROOT, "tensor %s lacks its type, its shape, or its two offsets", name));
    }
    Entry entry = new Entry(name, dtype, shape, offsets[0], offsets[1]);
    checkSize(entry);
    return entry;
  }

  private long[] readSizes(String name, JsonParser json, int most) throws IOException {
    expect(json, json.currentToken(), JsonToken.START_ARRAY, name);
    List<Long> sizes = new ArrayList<>();
    while (json.nextToken() != JsonToken.END_ARRAY) {
      expect(json, json.currentToken(), JsonToken.VALUE_NUMBER_INT, name);
      long size = json.getLongValue();
      if (size < 0 || sizes.size() == most) {
        throw broken(Long.BYTES, String.format(Locale.ROOT, "tensor %s has a shape or offsets that cannot be: negative, or more than %d numbers",
            name, most));
      }
      sizes.add(size);
    }
    return sizes.stream().mapToLong(Long::longValue).toArray();
  }

  private void checkSize(Entry entry) {
    long bytes = entry.dtype.bytes();
    try {
      for (long size : entry.shape) {
        bytes = Math.multiplyExact(bytes, size);
      }
    } catch (ArithmeticException e) {
      throw broken(Long.BYTES, String.format(Locale.ROOT, "tensor %s is larger than any file", entry.name));
    }
    if (entry.begin > entry.end || entry.end - entry.begin != bytes) {
      throw broken(
          Long.BYTES,
          String.format(Locale.ROOT, "tensor %s needs %d bytes by its shape, and has those from %d to %d",
              entry.name, bytes, entry.begin, entry.end));
    }
  }

  /** The tensors fill the data, one after the other. */
  private void checkExtents() {
    List<Entry> ordered = new ArrayList<>(entries.values());
    ordered.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
    long end = 0;
    for (Entry entry : ordered) {
      if (entry.end > data.byteSize()) {
        throw broken(
            ModelFormatException.NO_OFFSET,
            String.format(Locale.ROOT, "tensor %s needs bytes %d to %d of the data, which has %d; the file is cut short: get it again",
                entry.name, entry.begin, entry.end, data.byteSize()));
      }
      if (entry.begin != end) {
        throw broken(
            ModelFormatException.NO_OFFSET,
            String.format(Locale.ROOT, "tensor %s begins at byte %d of the data, where the one before ends at %d; the file is broken: get it again",
                entry.name, entry.begin, end));
      }
      end = entry.end;
    }
    if (end != data.byteSize()) {
      throw broken(
          ModelFormatException.NO_OFFSET, String.format(Locale.ROOT, "%d bytes after the last tensor; the file is broken: get it again",
              data.byteSize() - end));
    }
  }

  private void expect(JsonParser json, JsonToken token, JsonToken expected, String name) {
    if (token != expected) {
      throw broken(
          Long.BYTES + json.currentTokenLocation().getCharOffset(), String.format(Locale.ROOT, "tensor %s: %s where %s is expected",
              name, token, expected));
    }
  }

  public Path path() {
    return path;
  }

  public Set<String> names() {
    return entries.keySet();
  }

  /**
   * A tensor, if the file has it.
   *
   * @throws UnsupportedModelException if it is not of floating-point numbers
   */
  public Optional<StoredTensor> tensor(String name) {
    return Optional.ofNullable(entries.get(name)).map(this::stored);
  }

  private StoredTensor stored(Entry entry) {
    return new StoredTensor(
        entry.name,
        entry.shape.clone(),
        entry.dtype
            .type()
            .orElseThrow(
                () ->
                    new UnsupportedModelException(
                        String.format(Locale.ROOT, "%s: tensor %s is %s; weights are read as F32, F16 or BF16", path, entry.name, entry.dtype))),
        data.asSlice(entry.begin, entry.end - entry.begin));
  }

  private ModelFormatException broken(long offset, String problem) {
    return new ModelFormatException(path, offset, problem);
  }
}
