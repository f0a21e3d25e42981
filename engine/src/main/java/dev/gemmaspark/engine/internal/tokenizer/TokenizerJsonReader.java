package dev.gemmaspark.engine.internal.tokenizer;

import static dev.gemmaspark.engine.error.ModelFormatException.NO_OFFSET;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.gemmaspark.engine.error.ModelFormatException;
import dev.gemmaspark.engine.error.UnsupportedModelException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Reads {@code tokenizer.json} of Hugging Face's tokenizers library: {@code {"normalizer": …, "added_tokens": [{"id", "content", "special"}],
 * "model": {"type": "BPE", "unk_token", "vocab": {piece: id}, "merges": ["a b", …]}}}.
 *
 * <p>The library merges pairs by rank, SentencePiece by the score of what they make. Gemma's file was made from a SentencePiece model,
 * all splits of a piece in a row and the pieces by falling score; so the best rank of a piece's merges, negated, is a score that gives
 * the same tokens. A piece that no merge makes is never merged. The regular expressions of such files are not run: {@link TokenizerParts}
 * refuses what is not Gemma's.
 */
final class TokenizerJsonReader {
  /** Below what exhausts a thread's stack, above what any tokenizer needs. */
  private static final int DEEPEST = 32;

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(DEEPEST)
                  .maxNameLength(Vocabulary.LONGEST_PIECE)
                  .maxStringLength(1 << 20)
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          // The names are the vocabulary: a table of them for later documents only costs memory.
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .build();

  private static final JsonMapper MAPPER = new JsonMapper(JSON);

  private final Path file;
  private final Map<String, Integer> ids = new HashMap<>();
  private final Map<Integer, Float> scores = new HashMap<>();
  private String unknownPiece = "<unk>";
  private boolean byteFallback = true;
  private final TokenizerParts parts;
  private JsonNode addedTokens = MAPPER.createArrayNode();

  TokenizerJsonReader(Path file) {
    this.file = file;
    this.parts = new TokenizerParts(file);
  }

  Vocabulary read(byte[] bytes) {
    try (JsonParser json = MAPPER.createParser(bytes)) {
      expect(json, json.nextToken(), JsonToken.START_OBJECT);
      while (hasField(json)) {
        String name = json.currentName();
        json.nextToken();
        switch (name) {
          case "added_tokens" -> addedTokens = json.readValueAsTree();
          case "model" -> readModel(json);
          case "normalizer" -> checkNormalizer(json.readValueAsTree());
          case "pre_tokenizer" -> parts.checkPreTokenizer(json.readValueAsTree());
          case "post_processor" -> parts.checkPostProcessor(json.readValueAsTree());
          case "decoder" -> parts.checkDecoder(json.readValueAsTree());
          // of training: how texts were cut and filled up
          case "version", "truncation", "padding" -> json.skipChildren();
          default -> parts.checkNone(name, json.readValueAsTree());
        }
      }
      if (json.nextToken() != null) {
        throw broken(json, "text after the end of the JSON");
      }
    } catch (JacksonException e) {
      // Without the source, which Jackson's own message quotes.
      throw new ModelFormatException(
          file,
          e.getLocation() == null ? NO_OFFSET : e.getLocation().getByteOffset(),
          "not the JSON of a tokenizer: " + e.getOriginalMessage());
    } catch (IOException e) {
      // bytes that are of no character: Jackson reads UTF-16 and UTF-32 too
      throw new ModelFormatException(file, NO_OFFSET, "not the JSON of a tokenizer: " + e.getMessage());
    }
    return vocabulary();
  }

  private void readModel(JsonParser json) throws IOException {
    expect(json, json.currentToken(), JsonToken.START_OBJECT);
    while (hasField(json)) {
      String name = json.currentName();
      json.nextToken();
      switch (name) {
        case "type" -> {
          if (!json.getValueAsString("").equals("BPE")) {
            throw unsupported("its model is of another type than BPE");
          }
        }
        case "unk_token" -> unknownPiece = json.getValueAsString(unknownPiece);
        case "vocab" -> readVocabulary(json);
        case "merges" -> readMerges(json);
        case "fuse_unk" -> json.skipChildren();
        case "byte_fallback" -> byteFallback = json.getValueAsBoolean(false);
        default -> parts.checkNone("model." + name, json.readValueAsTree());
      }
    }
  }

  private void readVocabulary(JsonParser json) throws IOException {
    expect(json, json.currentToken(), JsonToken.START_OBJECT);
    while (hasField(json)) {
      String piece = json.currentName();
      expect(json, json.nextToken(), JsonToken.VALUE_NUMBER_INT);
      ids.put(piece, json.getIntValue());
    }
  }

  private void readMerges(JsonParser json) throws IOException {
    expect(json, json.currentToken(), JsonToken.START_ARRAY);
    if (ids.isEmpty()) {
      throw broken(json, "merges before the vocabulary; the vocabulary is expected first");
    }
    int rank = 0;
    while (json.nextToken() != JsonToken.END_ARRAY) {
      Integer id = ids.get(readMerged(json));
      if (id == null) {
        throw broken(json, String.format(Locale.ROOT, "merge %d makes a piece that is not in the vocabulary", rank));
      }
      scores.putIfAbsent(id, (float) -rank);
      rank++;
    }
  }

  /** What a merge makes: written {@code "a b"}, or {@code ["a", "b"]} by newer versions. */
  private String readMerged(JsonParser json) throws IOException {
    if (json.currentToken() == JsonToken.START_ARRAY) {
      expect(json, json.nextToken(), JsonToken.VALUE_STRING);
      String left = json.getText();
      expect(json, json.nextToken(), JsonToken.VALUE_STRING);
      String merged = left + json.getText();
      expect(json, json.nextToken(), JsonToken.END_ARRAY);
      return merged;
    }
    expect(json, json.currentToken(), JsonToken.VALUE_STRING);
    String merge = json.getText();
    int space = merge.indexOf(' ');
    if (space < 0) {
      throw broken(json, "a merge without a space between its two pieces");
    }
    return merge.substring(0, space) + merge.substring(space + 1);
  }

  /** Gemma's only replaces spaces; one that puts a space before the text would change every token. */
  private void checkNormalizer(JsonNode normalizer) {
    boolean replacesSpaces =
        normalizer.path("type").asText().equals("Replace")
            && normalizer.path("pattern").path("String").asText().equals(" ")
            && normalizer.path("content").asText().equals(String.valueOf(Vocabulary.SPACE));
    if (!replacesSpaces) {
      throw unsupported("its normalizer does something else than to replace spaces by U+2581");
    }
  }

  private Vocabulary vocabulary() {
    Map<Integer, TokenType> typeOf = new HashMap<>();
    for (JsonNode token : addedTokens) {
      String content = token.path("content").asText();
      int id = token.path("id").asInt(-1);
      Integer known = ids.putIfAbsent(content, id);
      if (known != null && known != id) {
        throw broken(String.format(Locale.ROOT, "added token %d has the text of piece %d", id, known));
      }
      parts.checkAddedToken(token);
      boolean special = token.path("special").asBoolean();
      typeOf.put(id, special ? TokenType.CONTROL : TokenType.USER_DEFINED);
    }
    if (!byteFallback && ids.containsKey("<0x00>")) {
      throw unsupported("it has pieces for bytes, and does not use them (byte_fallback)");
    }
    String[] pieces = new String[ids.size()];
    ids.forEach(
        (piece, id) -> {
          if (id < 0 || id >= pieces.length || pieces[id] != null) {
            throw broken(
                String.format(Locale.ROOT, "id %d of a piece is used twice or outside 0 to %d", id, pieces.length - 1));
          }
          pieces[id] = piece;
        });
    float[] scoreOf = new float[pieces.length];
    TokenType[] types = new TokenType[pieces.length];
    for (int id = 0; id < pieces.length; id++) {
      scoreOf[id] = scores.getOrDefault(id, Float.NEGATIVE_INFINITY);
      types[id] =
          typeOf.getOrDefault(
              id, Vocabulary.isByte(pieces[id]) ? TokenType.BYTE : TokenType.NORMAL);
    }
    return Vocabulary.of(
        file, pieces, scoreOf, types, special("<bos>"), special("<eos>"), special(unknownPiece));
  }

  private int special(String piece) {
    Integer id = ids.get(piece);
    if (id == null) {
      throw broken("the vocabulary has no " + piece);
    }
    return id;
  }

  /** Goes to the next field of an object; what was skipped before may have left the parser elsewhere. */
  private boolean hasField(JsonParser json) throws IOException {
    JsonToken token = json.nextToken();
    if (token != JsonToken.END_OBJECT) {
      expect(json, token, JsonToken.FIELD_NAME);
    }
    return token != JsonToken.END_OBJECT;
  }

  private void expect(JsonParser json, JsonToken token, JsonToken expected) {
    if (token != expected) {
      throw broken(json, String.format(Locale.ROOT, "%s where %s is expected", token, expected));
    }
  }

  private ModelFormatException broken(JsonParser json, String problem) {
    return new ModelFormatException(file, json.currentTokenLocation().getByteOffset(), problem);
  }

  private ModelFormatException broken(String problem) {
    return new ModelFormatException(file, NO_OFFSET, problem);
  }

  private UnsupportedModelException unsupported(String reason) {
    return new UnsupportedModelException(file + " is not a tokenizer for Gemma: " + reason);
  }
}
