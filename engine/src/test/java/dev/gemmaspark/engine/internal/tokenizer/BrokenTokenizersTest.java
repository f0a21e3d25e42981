package dev.gemmaspark.engine.internal.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gemmaspark.engine.TestData;
import dev.gemmaspark.engine.error.GemmaException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tokenizer files that are cut short, damaged, or made to mislead. */
class BrokenTokenizersTest {
  private static final int FLIPS = 3000;

  @TempDir Path folder;

  @Test
  void theSoundOnesAreRead() throws IOException {
    assertThat(VocabularyReader.read(write(json())).size()).isEqualTo(6 + 256 + 4);
    assertThat(VocabularyReader.read(write(sentencePiece())).size()).isEqualTo(448);
  }

  /** Gemma's own steps, and those of training, change no token. */
  @Test
  void theStepsThatGemmaHasAreKnown() throws IOException {
    String sound = new String(json(), java.nio.charset.StandardCharsets.UTF_8);
    String more =
        "\"version\":\"1.0\",\"truncation\":{\"max_length\":512},\"padding\":null,"
            + "\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\" \"},\"behavior\":\"MergedWithPrevious\",\"invert\":false},"
            + "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[]},"
            + "\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"\u2581\"},\"content\":\" \"},"
            + "{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}]},\"added_tokens\"";
    String model = "\"type\":\"BPE\",\"dropout\":null,\"continuing_subword_prefix\":\"\",\"fuse_unk\":true,\"byte_fallback\":true,\"ignore_merges\":false";
    String full = sound.replace("\"added_tokens\"", more).replace("\"type\":\"BPE\"", model);
    assertThat(VocabularyReader.read(write(full.getBytes(java.nio.charset.StandardCharsets.UTF_8))).size()).isEqualTo(6 + 256 + 4);
  }

  @Test
  void everyTruncationIsAnErrorOfOurs() throws IOException {
    for (byte[] whole : List.of(json(), sentencePiece())) {
      int read = 0;
      for (int length = 0; length < whole.length; length++) {
        read += reads(Arrays.copyOf(whole, length)) ? 1 : 0;
      }
      // a cut between two messages of a protobuf leaves a sound one; no cut of JSON does
      assertThat(read).isLessThan(20);
    }
  }

  @Test
  void flippedBitsAreHarmlessOrAnErrorOfOurs() throws IOException {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(3);
    for (byte[] whole : List.of(json(), sentencePiece())) {
      int refused = 0;
      for (int i = 0; i < FLIPS; i++) {
        byte[] broken = whole.clone();
        for (int flips = 1 + i % 3; flips > 0; flips--) {
          broken[random.nextInt(broken.length)] ^= (byte) (1 << random.nextInt(8));
        }
        refused += reads(broken) ? 0 : 1;
      }
      assertThat(refused).isGreaterThan(FLIPS / 5);
    }
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    // two texts for one number, or one number that no text has
    "\"ab\":264 | \"ab\":263 | is used twice or outside 0 to 265",
    "\"ab\":264 | \"ab\":9000 | is used twice or outside 0 to 265",
    "\"ab\":264 | \"ab\":-1 | is used twice or outside 0 to 265",
    // a piece of text that takes the place of a control token
    "{\"id\":5,\"content\":\"<end_of_turn>\" | {\"id\":263,\"content\":\"<end_of_turn>\" | added token 263 has the text of piece 5",
    "a b | a c | merge 0 makes a piece that is not in the vocabulary",
    "\"BPE\" | \"Unigram\" | its model is of another type than BPE",
    "<bos> | <b0s> | the vocabulary has no <bos>",
    // what would give other tokens, or another text
    "\"added_tokens\" | \"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"added_tokens\" | its pre-tokenizer is ByteLevel",
    "\"added_tokens\" | \"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\"}]},\"added_tokens\" | its pre-tokenizer is Digits",
    "\"added_tokens\" | \"post_processor\":{\"type\":\"ByteLevel\"},\"added_tokens\" | its post-processor is ByteLevel",
    "\"added_tokens\" | \"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Strip\"}]},\"added_tokens\" | its decoder has a step Strip",
    "\"added_tokens\" | \"something\":{\"type\":1},\"added_tokens\" | it has the setting something",
    "\"type\":\"BPE\" | \"type\":\"BPE\",\"ignore_merges\":true | it has the setting model.ignore_merges",
    "\"type\":\"BPE\" | \"type\":\"BPE\",\"dropout\":0.1 | it has the setting model.dropout",
    "\"type\":\"BPE\" | \"type\":\"BPE\",\"byte_fallback\":false | it has pieces for bytes, and does not use them",
    "\"special\":true | \"special\":true,\"lstrip\":true | its added token 0 has the rule lstrip",
  })
  void aTokenizerThatMisleadsIsRefused(String text, String replacement, String message) throws IOException {
    String sound = new String(json(), java.nio.charset.StandardCharsets.UTF_8);
    assertThat(sound).contains(text);
    Path file = write(sound.replace(text, replacement).getBytes(java.nio.charset.StandardCharsets.UTF_8));
    assertThatThrownBy(() -> VocabularyReader.read(file))
        .isInstanceOf(GemmaException.class)
        .hasMessageContaining(message)
        .hasMessageContaining("tokenizer");
  }

  private boolean reads(byte[] bytes) throws IOException {
    Path file = write(bytes);
    long start = System.nanoTime();
    try {
      VocabularyReader.read(file);
      return true;
    } catch (GemmaException e) {
      return false;
    } finally {
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(2));
    }
  }

  private Path write(byte[] bytes) throws IOException {
    return Files.write(folder.resolve("tokenizer"), bytes);
  }

  private static byte[] sentencePiece() throws IOException {
    return Files.readAllBytes(TestData.resource("golden/gemma2-odd-shapes").resolve("tokenizer.model"));
  }

  private static byte[] json() throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode root = mapper.createObjectNode();
    ObjectNode model = mapper.createObjectNode().put("type", "BPE").put("unk_token", "<unk>");
    ObjectNode vocabulary = model.putObject("vocab");
    ArrayNode added = root.putArray("added_tokens");
    for (String control : List.of("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>")) {
      added.addObject().put("id", vocabulary.size()).put("content", control).put("special", true);
      vocabulary.put(control, vocabulary.size());
    }
    for (int i = 0; i < 256; i++) {
      vocabulary.put(String.format(Locale.ROOT, "<0x%02X>", i), vocabulary.size());
    }
    for (String piece : List.of("a", "b", "ab", "\u2581")) {
      vocabulary.put(piece, vocabulary.size());
    }
    model.putArray("merges").add("a b");
    root.putObject("normalizer").put("type", "Replace").put("content", "\u2581").putObject("pattern").put("String", " ");
    root.set("model", model);
    return mapper.writeValueAsBytes(root);
  }
}
