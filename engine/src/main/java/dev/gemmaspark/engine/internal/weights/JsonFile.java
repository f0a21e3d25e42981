package dev.gemmaspark.engine.internal.weights;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.gemmaspark.engine.error.ModelFormatException;
import dev.gemmaspark.engine.error.ModelNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** Reads the JSON files that lie beside weights, within limits. */
final class JsonFile {
  /** The index of a large model has some hundred kilobytes. */
  private static final long LARGEST = 8L << 20;

  private static final int DEEPEST = 32;

  private static final JsonMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(DEEPEST).maxStringLength(1 << 20).build())
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private JsonFile() {}

  /**
   * Reads a file that holds one JSON object.
   *
   * @throws ModelNotFoundException if it cannot be read
   * @throws ModelFormatException if it is something else
   */
  static JsonNode read(Path file) {
    JsonNode json = parse(file, bytes(file));
    if (!json.isObject()) {
      throw new ModelFormatException(file, ModelFormatException.NO_OFFSET, "a JSON object expected");
    }
    return json;
  }

  private static byte[] bytes(Path file) {
    try {
      long size = Files.size(file);
      if (size > LARGEST) {
        throw new ModelFormatException(file, ModelFormatException.NO_OFFSET, String.format(Locale.ROOT, "the file has %d bytes; at most %d expected",
            size, LARGEST));
      }
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new ModelNotFoundException("The file " + file + " cannot be read: " + e.getMessage(), e);
    }
  }

  private static JsonNode parse(Path file, byte[] bytes) {
    try {
      return MAPPER.readTree(bytes);
    } catch (JacksonException e) {
      long offset = e.getLocation() == null ? ModelFormatException.NO_OFFSET : e.getLocation().getByteOffset();
      throw new ModelFormatException(file, offset, "not JSON: " + e.getOriginalMessage());
    } catch (IOException e) {
      // bytes that are of no character
      throw new ModelFormatException(file, ModelFormatException.NO_OFFSET, "not JSON: " + e.getMessage());
    }
  }
}
