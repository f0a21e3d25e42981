package dev.gemmaspark.engine.internal.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.StreamSupport;

/** Lines {@code {"text": …, "ids": […]}} that independent tokenizers agree on. */
final class GoldenCases {
  private static final JsonMapper JSON = new JsonMapper();

  private GoldenCases() {}

  static List<JsonNode> read(Path file) {
    try (var lines = Files.lines(file)) {
      return lines.map(GoldenCases::parse).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static int[] ids(JsonNode line, String name) {
    return StreamSupport.stream(line.get(name).spliterator(), false)
        .mapToInt(JsonNode::asInt)
        .toArray();
  }

  private static JsonNode parse(String line) {
    try {
      return JSON.readTree(line);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
