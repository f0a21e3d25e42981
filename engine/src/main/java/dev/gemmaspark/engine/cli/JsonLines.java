package dev.gemmaspark.engine.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gemmaspark.engine.error.GemmaException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Files of one JSON object a line. */
final class JsonLines {
  static final ObjectMapper MAPPER = new ObjectMapper();

  private JsonLines() {}

  /**
   * Reads all objects.
   *
   * @param file or null for standard input
   */
  static List<JsonNode> read(Path file) throws IOException {
    List<JsonNode> objects = new ArrayList<>();
    String name = file == null ? "standard input" : file.toString();
    try (BufferedReader reader = open(file)) {
      int number = 0;
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        number++;
        if (!line.isBlank()) {
          objects.add(parse(line, name, number));
        }
      }
    }
    return objects;
  }

  private static BufferedReader open(Path file) throws IOException {
    try {
      return file == null
          ? new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))
          : Files.newBufferedReader(file);
    } catch (NoSuchFileException e) {
      throw new GemmaException("There is no file " + file, e);
    }
  }

  private static JsonNode parse(String line, String name, int number) {
    try {
      JsonNode node = MAPPER.readTree(line);
      if (node.isObject()) {
        return node;
      }
    } catch (JsonProcessingException e) {
      throw new GemmaException(String.format(Locale.ROOT, "%s, line %d: not JSON: %s", name, number, e.getOriginalMessage()), e);
    }
    throw new GemmaException(String.format(Locale.ROOT, "%s, line %d: a JSON object is expected", name, number));
  }

  /** A field that must be there. */
  static JsonNode field(JsonNode object, String name, int index) {
    JsonNode value = object.get(name);
    if (value == null || value.isNull()) {
      throw new GemmaException(String.format(Locale.ROOT, "object %d has no field \"%s\"", index + 1, name));
    }
    return value;
  }
}
