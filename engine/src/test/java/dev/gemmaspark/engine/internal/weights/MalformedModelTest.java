package dev.gemmaspark.engine.internal.weights;

import static dev.gemmaspark.engine.internal.gguf.GgufBuilder.ints32;
import static dev.gemmaspark.engine.internal.gguf.GgufBuilder.longs;
import static dev.gemmaspark.engine.internal.gguf.GgufBuilder.tiny;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.internal.gguf.GgufBuilder;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Broken and hostile model files, and what a user sees of each. */
class MalformedModelTest {
  private static final int F32 = 0;

  @TempDir Path folder;

  static Stream<Arguments> malformed() {
    return Stream.of(
        // what is no GGUF at all
        bytes("html", "<!DOCTYPE html><html>", "it looks like an HTML page"),
        bytes("lfs", "version https://git-lfs.github.com/spec/v1\noid", "run `git lfs pull`"),
        bytes("zip", "PK\u0003\u0004archive/data.pkl", "a pickled PyTorch checkpoint"),
        bytes("pickle", "\u0080\u0002}q\u0001", "a pickled PyTorch checkpoint"),
        bytes("safetensors", "\u0010\u0000\u0000\u0000\u0000\u0000\u0000\u0000{\"a\":1}   ", "it looks like a safetensors file"),
        bytes("ggml", "lmgg\u0001\u0000\u0000\u0000", "the format that came before GGUF"),
        bytes("noise", "abcdefgh", "it starts with 61626364"),
        bytes("three bytes", "GGU", "it starts with 474755"),
        bytes("empty", "", "the file is empty"),
        // header
        file("magic", tiny().magic(0x47475546), "a GGUF file of a big-endian machine"),
        file("version 0", tiny().version(0), "GGUF version 0; 2 and 3 are read"),
        file("version 1", tiny().version(1), "GGUF version 1; 2 and 3 are read"),
        file("version 4", tiny().version(4), "GGUF version 4; 2 and 3 are read"),
        file("version big-endian", tiny().version(0x03000000), "(it seems to be of a big-endian machine)"),
        file("tensor count -1", tiny().tensorCount(-1), "the number of tensors is 18446744073709551615"),
        file("tensor count huge", tiny().tensorCount(1L << 40), "the number of tensors is 1099511627776"),
        file("tensor count one too many", tiny().tensorCount(14), "a tensor has no name"),
        file("key count -1", tiny().keyCount(-1), "the number of keys is 18446744073709551615"),
        file("key count huge", tiny().keyCount(1L << 50), "the number of keys is"),
        file("no keys", new GgufBuilder(), "the key general.architecture is missing"),
        // keys
        file("key length -1", new GgufBuilder().key(concat(longs(-1), new byte[16])), "the length of the name of a key is 18446744073709551615"),
        file("key empty", tiny().string("", "x"), "a key has no name"),
        file("key of a bad type", tiny().raw("x", 13, new byte[8]), "x has type 13; 0 to 12 are known"),
        file("key of a negative type", tiny().raw("x", -1, new byte[8]), "has type -1"),
        file("key twice", tiny().u32("gemma2.block_count", 1), "the key gemma2.block_count stands twice"),
        file("string longer than the file", tiny().raw("x", 8, longs(1L << 62)), "the length of x is 4611686018427387904"),
        file("array longer than the file", tiny().arrayOf("x", 4, 1L << 61), "the number of elements of x is"),
        file("array of strings longer than the file", tiny().arrayOf("x", 8, Long.MAX_VALUE), "the number of elements of x is"),
        file("array of arrays", tiny().arrayOf("x", 9, 1), "x is an array of arrays"),
        file("array of an unknown type", tiny().arrayOf("x", 99, 1), "the elements of x has type 99"),
        file("architecture is a number", new GgufBuilder().u32("general.architecture", 3), "is Long 3; a string expected"),
        file("text is not UTF-8", tiny().raw("x", 8, concat(longs(2), new byte[] {(byte) 0xC3, 0x28})), "x is not UTF-8"),
        file("alignment 0", tiny().u32("general.alignment", 0), "general.alignment is 0; a power of two"),
        file("alignment 3", tiny().u32("general.alignment", 3), "general.alignment is 3; a power of two"),
        file("alignment 2^30", tiny().u32("general.alignment", 1 << 30), "general.alignment is 1073741824; a power of two"),
        file("alignment is a text", tiny().string("general.alignment", "32"), "a whole number expected"),
        // tensors
        file("tensor name too long", tiny().header("n".repeat(65), 1, new long[] {32}, F32, 0), "the name of a tensor has 65 bytes; at most 64"),
        file("no dimensions", tiny().header("x", 0, new long[0], F32, 0), "tensor x has 0 dimensions; 1 to 4"),
        file("five dimensions", tiny().header("x", 5, new long[] {1, 1, 1, 1, 1}, F32, 0), "tensor x has 5 dimensions; 1 to 4"),
        file("dimensions -1", tiny().header("x", -1, new long[0], F32, 0), "tensor x has 4294967295 dimensions"),
        file("size 0", tiny().header("x", 2, new long[] {32, 0}, F32, 0), "tensor x has shape [32, 0]; all sizes must be 1 or more"),
        file("size -1", tiny().header("x", 2, new long[] {32, -1}, F32, 0), "tensor x has shape [32, 18446744073709551615]"),
        file("sizes overflow", tiny().header("x", 3, new long[] {1L << 31, 1L << 31, 4}, F32, 0), "larger than any file"),
        file("bytes overflow", tiny().header("x", 1, new long[] {1L << 61}, F32, 0), "larger than any file"),
        file("an exabyte", tiny().header("x", 1, new long[] {1L << 58}, F32, 0), "tensor x needs 1152921504606846976 bytes"),
        file("unknown type", tiny().header("x", 1, new long[] {32}, 77, 0), "tensor x has type 77, which is not supported"),
        file("type of others", tiny().header("x", 1, new long[] {256}, 16, 0), "tensor x has type IQ2_XXS, which is not supported; supported are [F32, F16"),
        file("half a block", tiny().header("x", 2, new long[] {33, 1}, 8, 0), "tensor x has rows of 33 weights; Q8_0 needs a multiple of 32"),
        file("offset misaligned", tiny().header("x", 1, new long[] {1}, F32, 8), "tensor x has offset 8, which is no multiple of the alignment 32"),
        file("offset beyond the end", tiny().header("x", 1, new long[] {1}, F32, 1 << 30), "tensor x needs 4 bytes from byte 1073741824"),
        file("offset -32", tiny().header("x", 1, new long[] {1}, F32, -32), "from byte 18446744073709551584"),
        file("tensors overlap", tiny().header("x", 1, new long[] {32}, F32, 0), "overlap in the file"),
        file("tensor twice", tiny().tensor("output_norm.weight", TensorType.F32, 32), "tensor output_norm.weight stands twice"),
        // what makes no Gemma
        file("llama", with("general.architecture", "llama"), "a model of architecture 'llama'; supported are [gemma, gemma2]"),
        file("no layers", with("gemma2.block_count", 0), "gemma2.block_count is 0; it must be between 1 and 512"),
        file("too many layers", with("gemma2.block_count", 100000), "gemma2.block_count is 100000"),
        file("no heads", with("gemma2.attention.head_count", 0), "gemma2.attention.head_count is 0"),
        file("KV heads do not divide", with("gemma2.attention.head_count_kv", 3), "a divisor of the 2 heads"),
        file("odd head", with("gemma2.attention.key_length", 15), "gemma2.attention.key_length is 15; it must be even"),
        file("value length", with("gemma2.attention.value_length", 8), "gemma2.attention.value_length is 8; it must be the key length 16"),
        file("epsilon NaN", with("gemma2.attention.layer_norm_rms_epsilon", Float.NaN), "layer_norm_rms_epsilon is NaN"),
        file("epsilon 0", with("gemma2.attention.layer_norm_rms_epsilon", 0f), "layer_norm_rms_epsilon is 0.0"),
        file("soft cap infinite", with("gemma2.attn_logit_softcapping", Float.POSITIVE_INFINITY), "attn_logit_softcapping is Infinity"),
        file("no context", with("gemma2.context_length", 0), "gemma2.context_length is 0"),
        file("window 0", with("gemma2.attention.sliding_window", 0), "sliding_window is 0"),
        file("wider than the weights", with("gemma2.embedding_length", 64), "64 expected"),
        file("more layers than weights", with("gemma2.block_count", 2), "tensor blk.1.attn_norm.weight is missing"),
        // what is not understood
        file("head of another width", tiny().tensor("output.weight", TensorType.F32, 32, 200), "tensor output.weight is 200 x 32; 268 x 32 expected"),
        file("bias", tiny().tensor("blk.0.attn_q.bias", TensorType.F32, 32), "tensor blk.0.attn_q.bias is no part of a gemma2 of 1 layers"),
        file("norm of queries", tiny().tensor("blk.0.attn_q_norm.weight", TensorType.F32, 16), "tensor blk.0.attn_q_norm.weight is no part"),
        file("layer beyond the last", tiny().tensor("blk.1.attn_norm.weight", TensorType.F32, 32), "tensor blk.1.attn_norm.weight is no part"),
        file("frequency factors", tiny().tensor("rope_freqs.weight", TensorType.F32, 8), "tensor rope_freqs.weight is no part"),
        file("scaling of a kind", with("gemma2.rope.scaling.type", "longrope"), "gemma2.rope.scaling.type is 'longrope', which is not supported"),
        file("scaling by nothing", with("gemma2.rope.scaling.factor", -2f), "gemma2.rope.scaling.factor is -2.0; it must be a positive number"),
        file("experts", with("gemma2.expert_count", 8), "gemma2.expert_count is 8, which is not supported"),
        file("half rotated heads", with("gemma2.rope.dimension_count", 8), "gemma2.rope.dimension_count is 8; it must be 16"),
        file("vocabulary of another size", with("gemma2.vocab_size", 300), "gemma2.vocab_size is 300; it must be 268"),
        file("embedding model", tiny().bool("gemma2.attention.causal", false), "attention.causal is false"),
        file("adapter", with("general.type", "adapter"), "not of a model, but of kind 'adapter'"),
        file("space before texts", tiny().bool("tokenizer.ggml.add_space_prefix", true), "add_space_prefix is true, which is not supported"),
        file("unknown key of the tokenizer", with("tokenizer.ggml.precompiled_charsmap", List.of(1)), "precompiled_charsmap is an array of 1 INT32"),
        file("unknown key", with("new.thing", 3), "new.thing is 3, which is not supported and may change what the model answers"),
        file("windows of too few layers", tiny().ints("gemma2.attention.sliding_window_pattern", List.of(1)), "is an array of INT32; BOOL expected"),
        file("tokenizer of another kind", with("tokenizer.ggml.model", "gpt2"), "a tokenizer of kind 'gpt2'"),
        file("vocabulary too short", pieces(GgufBuilder.vocabulary().subList(0, 266)), "the vocabulary has 266 pieces, but the embedding 268 rows"),
        file("scores too few", with("tokenizer.ggml.scores", List.of(1f)), "268 pieces, 1 scores and 268 types"),
        file("bos out of range", tiny().u32("tokenizer.ggml.bos_token_id", 268), "the bos token has id 268, but the vocabulary has 268 pieces"),
        file("eos negative", tiny().raw("tokenizer.ggml.eos_token_id", 5, ints32(-1)), "the eos token has id -1"),
        file("byte piece", pieces(replaced(10, "<0x-1>")), "piece 10 is a byte, but its text is not of the form <0x0A>"),
        file("empty piece", pieces(replaced(263, "")), "piece 263 has 0 characters"),
        file("piece twice", pieces(replaced(263, "b")), "pieces 263 and 264 have the same text"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("malformed")
  void aBrokenFileIsSaidToBe(String name, byte[] content, String message) throws IOException {
    Path path = Files.write(folder.resolve("model.gguf"), content);
    assertThatThrownBy(() -> ModelLoader.load(ModelFiles.of(path)))
        .isInstanceOf(GemmaException.class)
        .hasMessageContaining(message)
        .hasMessageContaining("model.gguf");
  }

  @Test
  void soundTwinsLoad() throws IOException {
    ModelWeights<WeightRows> weights = load(tiny().build());
    assertThat(weights.config().hiddenSize()).isEqualTo(32);
    assertThat(weights.vocabulary().size()).isEqualTo(268);
    assertThat(load(tiny().version(2).build()).config()).isEqualTo(weights.config());
    assertThat(load(aligned()).config()).isEqualTo(weights.config());
    assertThat(load(tiny().strings("general.tags", List.of("x")).u32("quantize.imatrix.entries_count", 182).build()).layers()).hasSize(1);
  }

  @Test
  void fusedAttentionWeightsAreTakenApart() throws IOException {
    // The tiny model with one tensor in place of three: 32 rows of queries, 16 of keys, 16 of values.
    byte[] file =
        new GgufBuilder()
            .leavingOut("blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight")
            .tiny(Map.of(), GgufBuilder.vocabulary())
            .tensor("blk.0.attn_qkv.weight", TensorType.Q8_0, 32, 64)
            .build();
    LayerWeights<WeightRows> layer = load(file).layers().getFirst();
    assertThat(layer.query().name()).isEqualTo("blk.0.attn_qkv.weight");
    assertThat(layer.query().rows()).isEqualTo(32);
    assertThat(layer.value().rows()).isEqualTo(16);
    assertThat(layer.value().bytes()).isEqualTo(16 * 34);
  }

  @Test
  void whatIsNotThereOrNoFileIsSaidToBe() {
    assertThatThrownBy(() -> ModelFiles.of(folder.resolve("none.gguf"))).hasMessageContaining("There is no file").hasMessageContaining("none.gguf");
    assertThatThrownBy(() -> ModelFiles.of(folder)).hasMessageContaining("is a directory without config.json");
  }

  @Test
  void everyTruncationIsAnErrorOfOurs() throws IOException {
    byte[] whole = tiny().build();
    for (int length = 0; length < whole.length - 32; length += length < 9000 ? 7 : 101) {
      Path path = Files.write(folder.resolve("cut.gguf"), Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> ModelLoader.load(ModelFiles.of(path))).isInstanceOf(GemmaException.class);
    }
  }

  @Test
  void flippedBitsAreHarmlessOrAnErrorOfOurs() throws IOException {
    byte[] whole = tiny().build();
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(1);
    int refused = 0;
    for (int i = 0; i < 3000; i++) {
      byte[] broken = whole.clone();
      for (int flips = random.nextInt(1, 4); flips > 0; flips--) {
        broken[random.nextInt(random.nextBoolean() ? 600 : 11_000)] ^= (byte) (1 << random.nextInt(8));
      }
      Path path = Files.write(folder.resolve("flipped.gguf"), broken);
      long start = System.nanoTime();
      try {
        ModelLoader.load(ModelFiles.of(path));
      } catch (GemmaException e) {
        refused++;
      }
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(2));
    }
    assertThat(refused).isGreaterThan(500);
  }

  private ModelWeights<WeightRows> load(byte[] content) throws IOException {
    return ModelLoader.load(ModelFiles.of(Files.write(folder.resolve("sound.gguf"), content)));
  }

  private static byte[] aligned() {
    // alignment comes before the tensors, so that the builder lays them out by it
    return new GgufBuilder().alignment(64).tiny(Map.of(), GgufBuilder.vocabulary()).build();
  }

  private static Arguments file(String name, GgufBuilder builder, String message) {
    return Arguments.of(name, builder.build(), message);
  }

  private static Arguments bytes(String name, String content, String message) {
    return Arguments.of(name, content.getBytes(StandardCharsets.ISO_8859_1), message);
  }

  private static GgufBuilder with(String key, Object value) {
    return GgufBuilder.tinyWith(key, value);
  }

  private static GgufBuilder pieces(List<String> pieces) {
    return GgufBuilder.tinyWithVocabulary(pieces);
  }

  private static List<String> replaced(int id, String piece) {
    List<String> pieces = new ArrayList<>(GgufBuilder.vocabulary());
    pieces.set(id, piece);
    return pieces;
  }

  private static byte[] concat(byte[] a, byte[] b) {
    byte[] all = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, all, a.length, b.length);
    return all;
  }
}
