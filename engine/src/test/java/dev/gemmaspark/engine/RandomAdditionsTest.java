package dev.gemmaspark.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.internal.gguf.GgufBuilder;
import dev.gemmaspark.engine.internal.safetensors.SafetensorsBuilder;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A field, a key or a tensor more in a model's files: an error that names it, unless it is known to change nothing or its value says nothing;
 * then the same logits.
 */
class RandomAdditionsTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final int EACH = 100;
  private static final int[] TOKENS = {2, 300, 400, 310, 17};

  /** What other architectures, libraries and versions say, and nobody reads here; those of {@link #HARMLESS} among them. */
  private static final List<String> FIELDS =
      List.of(
          "attention_bias", "mlp_bias", "use_bidirectional_attention", "rope_local_base_freq", "partial_rotary_factor", "num_experts",
          "logit_scale", "embedding_multiplier", "residual_multiplier", "attention_multiplier", "qk_norm", "use_qk_norm", "norm_type",
          "num_kv_shared_layers", "attention_chunk_size", "torch_dtype2", "transformers_version", "_name_or_path", "use_cache", "auto_map",
          "initializer_range", "cache_implementation", "unsloth_fixed", "temperature", "id2label", "final_bias", "hidden_act2");

  private static final List<String> KEYS =
      List.of(
          "gemma2.attention.scale", "gemma2.attention.clamp_kqv", "gemma2.expert_count", "gemma2.rope.scaling.attn_factor",
          "gemma2.rope.freq_base_swa", "gemma2.logit_scale", "gemma2.pooling_type", "general.license", "general.sampling.temp", "quantize.imatrix.file",
          "mradermacher.quantized_by", "tokenizer.ggml.precompiled_charsmap", "tokenizer.ggml.eom_token_id", "other.thing", "split.tensors.count");

  private static final List<String> ADAPTER_FIELDS =
      List.of(
          "use_dora", "fan_in_fan_out", "lora_bias", "rank_pattern", "alpha_pattern", "modules_to_save", "layer_replication", "target_parameters",
          "trainable_token_indices", "use_qalora", "arrow_config", "corda_config", "kasa_config", "use_bdlora", "alora_invocation_tokens", "revision",
          "inference_mode", "lora_dropout", "peft_version", "task_type", "target_modules", "megatron_core", "bias");

  /** All names above that change no number of a model; whatever else has a value that says something is to be refused. */
  private static final Set<String> HARMLESS =
      Set.of(
          "transformers_version", "_name_or_path", "use_cache", "auto_map", "initializer_range", "cache_implementation", "unsloth_fixed",
          "temperature", "id2label",
          "general.license", "general.sampling.temp", "quantize.imatrix.file", "mradermacher.quantized_by", "tokenizer.ggml.eom_token_id",
          "split.tensors.count",
          "revision", "inference_mode", "lora_dropout", "peft_version", "task_type", "target_modules", "megatron_core");

  /** Values that say nothing; for attention, one says something. */
  private static final Set<String> NONE = Set.of("", "false", "null", "0", "0.0", "1", "1.0", "\"default\"", "\"\"", "[]", "{}");

  private static final List<String> VALUES =
      List.of("true", "false", "null", "0", "1.0", "2.5", "7", "\"default\"", "\"\"", "\"text\"", "[]", "{}", "[1, 2]", "{\"a\": 3}");

  @TempDir Path folder;
  private RandomGenerator random;

  @BeforeEach
  void seed() {
    random = RandomGeneratorFactory.of("L64X128MixRandom").create(12);
  }

  @Test
  void aFieldMoreInTheConfiguration() throws IOException {
    Path model = copy("gemma2-odd-shapes", "model");
    Path config = model.resolve("config.json");
    String sound = Files.readString(config);
    float[] expected = logits(ModelSource.of(model.toString()));
    int same = 0;
    for (int i = 0; i < EACH; i++) {
      String name = name(FIELDS, "");
      if (!sound.contains('"' + name + '"')) {
        String value = value();
        Files.writeString(config, sound.replaceFirst("\\{", "{\"" + name + "\": " + value + ","));
        same += sameOrNamed(ModelSource.of(model.toString()), name, value, expected);
      }
    }
    assertThat(same).isBetween(EACH / 10, EACH * 9 / 10);
  }

  @Test
  void aKeyMoreInAGguf() throws IOException {
    byte[] sound = Files.readAllBytes(GOLDEN.resolve("gemma2-gguf/gemma2-q4_0.gguf"));
    Path file = Files.write(folder.resolve("model.gguf"), sound);
    float[] expected = logits(ModelSource.of(file.toString()));
    int same = 0;
    for (int i = 0; i < EACH; i++) {
      String name = name(KEYS, random.nextBoolean() ? "gemma2." : "");
      GgufBuilder key = new GgufBuilder();
      String value = put(key, name);
      Files.write(file, withKeys(sound, key));
      same += sameOrNamed(ModelSource.of(file.toString()), name, value, expected);
    }
    assertThat(same).isBetween(EACH / 10, EACH * 9 / 10);
  }

  @Test
  void aTensorMoreInAGgufOrInSafetensors() throws IOException {
    byte[] sound = Files.readAllBytes(GOLDEN.resolve("gemma2-gguf/gemma2-q4_0.gguf"));
    Path first = folder.resolve("m-00001-of-00002.gguf");
    Files.write(first, withKeys(sound, new GgufBuilder().u16("split.count", 2)));
    Path model = copy("gemma2-odd-shapes", "model");
    Path index = model.resolve("model.safetensors.index.json");
    JsonNode soundIndex = MAPPER.readTree(index.toFile());
    for (int i = 0; i < EACH / 4; i++) {
      String name = tensorName();
      Files.write(
          folder.resolve("m-00002-of-00002.gguf"),
          new GgufBuilder().u16("split.no", 1).u16("split.count", 2).tensor(name, TensorType.F32, 256).build());
      assertThat(sameOrNamed(ModelSource.of(first.toString()), name, "a tensor", new float[0])).isZero();
      ObjectNode changed = soundIndex.deepCopy();
      ((ObjectNode) changed.get("weight_map")).put("model." + name, "more.safetensors");
      Files.write(index, MAPPER.writeValueAsBytes(changed));
      Files.write(model.resolve("more.safetensors"), new SafetensorsBuilder().floats("model." + name, new float[4], 4).build());
      assertThat(sameOrNamed(ModelSource.of(model.toString()), name, "a tensor", new float[0])).isZero();
    }
  }

  @Test
  void aFieldOrATensorMoreInAnAdapter() throws IOException {
    Path adapter = Files.createDirectory(folder.resolve("adapter"));
    String sound = "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 4}";
    ModelSource source = ModelSource.of(GOLDEN.resolve("gemma2-odd-shapes").toString()).withLora(adapter);
    Files.write(adapter.resolve("adapter_model.safetensors"), adapter().build());
    Files.writeString(adapter.resolve("adapter_config.json"), sound);
    float[] expected = logits(source);
    int same = 0;
    for (int i = 0; i < EACH; i++) {
      String name = name(ADAPTER_FIELDS, "");
      String value = value();
      Files.writeString(adapter.resolve("adapter_config.json"), sound.replaceFirst("\\{", "{\"" + name + "\": " + value + ","));
      same += sameOrNamed(source, name, value, expected);
    }
    assertThat(same).isBetween(EACH / 10, EACH * 9 / 10);
    Files.writeString(adapter.resolve("adapter_config.json"), sound);
    for (int i = 0; i < EACH / 10; i++) {
      String name = "base_model.model.model." + tensorName();
      Files.write(adapter.resolve("adapter_model.safetensors"), adapter().floats(name, new float[4], 4).build());
      assertThat(sameOrNamed(source, name, "a tensor", expected)).isZero();
    }
  }

  /** One if the logits are the same, as they may be for something that is harmless; none if the model is refused by the name of what was added. */
  private int sameOrNamed(ModelSource model, String name, String value, float[] expected) {
    try {
      assertThat(logits(model)).as(name).isEqualTo(expected);
      boolean saysNothing = NONE.contains(value) && !(value.startsWith("1") && name.contains("attention"));
      assertThat(HARMLESS.contains(name) || saysNothing).as("%s of %s is not known to be harmless, and was not refused", name, value).isTrue();
      return 1;
    } catch (GemmaException e) {
      assertThat(e).hasMessageContaining(name);
      assertThat(e.getMessage()).doesNotContain("\n");
      return 0;
    }
  }

  private String name(List<String> known, String prefix) {
    return random.nextInt(3) > 0 ? known.get(random.nextInt(known.size())) : prefix + letters();
  }

  private String letters() {
    StringBuilder name = new StringBuilder();
    for (int length = random.nextInt(5, 15); length > 0; length--) {
      name.append((char) ('a' + random.nextInt(26)));
    }
    return name.toString();
  }

  private String tensorName() {
    List<String> names =
        List.of("blk.0.attn_q.bias", "blk.1.attn_q_norm.weight", "blk.7.attn_norm.weight", "rope_freqs.weight", letters() + ".weight", letters());
    return names.get(random.nextInt(names.size()));
  }

  private String value() {
    return VALUES.get(random.nextInt(VALUES.size()));
  }

  private SafetensorsBuilder adapter() {
    float[] up = new float[120 * 2];
    float[] down = new float[2 * 96];
    Arrays.fill(up, 0.05f);
    Arrays.fill(down, 0.05f);
    String name = "base_model.model.model.layers.0.self_attn.q_proj";
    return new SafetensorsBuilder().floats(name + ".lora_A.weight", down, 2, 96).floats(name + ".lora_B.weight", up, 120, 2);
  }

  /** Puts a key of a random value, and says which. */
  private String put(GgufBuilder keys, String name) {
    int number = random.nextInt(5);
    boolean truth = random.nextBoolean();
    String text = truth ? "" : letters();
    switch (random.nextInt(6)) {
      case 0 -> keys.u32(name, number);
      case 1 -> {
        keys.f32(name, number / 2f);
        return String.valueOf(number / 2f);
      }
      case 2 -> {
        keys.string(name, text);
        return text;
      }
      case 3 -> {
        keys.bool(name, truth);
        return String.valueOf(truth);
      }
      case 4 -> {
        keys.strings(name, List.of(letters()));
        return "a list";
      }
      default -> {
        keys.floats(name, List.of(0.5f));
        return "a list";
      }
    }
    return String.valueOf(number);
  }

  /** Puts keys before the others; one with a text of the right length keeps the alignment of what follows. */
  private static byte[] withKeys(byte[] gguf, GgufBuilder keys) {
    byte[] more = keys.string("general.description", "").keyBytes();
    int length = more.length;
    String text = "x".repeat(Math.floorMod(-length, 32));
    byte[] padded = Arrays.copyOf(more, length + text.length());
    Arrays.fill(padded, length, padded.length, (byte) 'x');
    ByteBuffer.wrap(padded).order(ByteOrder.LITTLE_ENDIAN).putLong(length - 8, text.length());
    ByteBuffer out = ByteBuffer.allocate(gguf.length + padded.length).order(ByteOrder.LITTLE_ENDIAN);
    out.put(gguf, 0, 24).put(padded).put(gguf, 24, gguf.length - 24);
    out.putLong(16, out.getLong(16) + keys.keyCount());
    return out.array();
  }

  private Path copy(String name, String as) throws IOException {
    Path model = Files.createDirectory(folder.resolve(as));
    try (Stream<Path> files = Files.list(GOLDEN.resolve(name))) {
      for (Path file : files.toList()) {
        Files.copy(file, model.resolve(file.getFileName()));
      }
    }
    return model;
  }

  private float[] logits(ModelSource model) {
    EngineOptions options = EngineOptions.forModel(model).withThreads(1).withCacheDirectory(folder.resolve("cache"));
    try (LogitsProbe probe = LogitsProbe.open(options, 8, 1)) {
      return probe.ask(List.of(new LogitsProbe.Query(TOKENS, 0))).getFirst().lastLogits();
    }
  }
}
