package dev.gemmaspark.engine.internal.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.engine.TestData;
import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.internal.gguf.GgufBuilder;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Models of several files, whole and broken, and what a user sees of them. */
class HuggingFaceModelTest {
  @TempDir Path folder;
  private Path model;

  @BeforeEach
  void copyASoundOne() throws IOException {
    model = Files.createDirectory(folder.resolve("gemma"));
    try (Stream<Path> files = Files.list(TestData.resource("golden/gemma2-odd-shapes"))) {
      for (Path file : files.toList()) {
        Files.copy(file, model.resolve(file.getFileName()));
      }
    }
  }

  @Test
  void theSoundOneLoads() {
    ModelWeights<WeightRows> weights = load();
    assertThat(weights.config().queryScale()).isEqualTo(1 / 6f);
    assertThat(weights.config().headDim()).isEqualTo(20);
    assertThat(weights.embedding().type()).isEqualTo(TensorType.BF16);
    assertThat(weights.stopTokens()).containsExactlyInAnyOrder(1, 5);
    // a norm stores what is added to one
    assertThat(weights.outputNorm()[0]).isBetween(0.3f, 3f);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "model_type\": \"gemma2 | model_type\": \"gemma3 | a model of architecture 'gemma3'; supported are [gemma, gemma2]",
    "\"hidden_size\": 96 | \"hidden_size\": 0 | hidden_size is 0; it must be between 1 and",
    "\"hidden_size\": 96 | \"hidden_size\": 64 | 64 expected",
    "\"hidden_size\": 96 | \"hidden_size\": \"96\" | hidden_size is \"96\"; it must be a whole number",
    "\"hidden_size\": 96 | \"hidden_sise\": 96 | hidden_sise is 96, which is not supported and may change what the model answers",
    "\"hidden_size\": 96 | \"id2label\": {\"0\": \"x\"} | the key hidden_size is missing",
    "\"num_hidden_layers\": 2 | \"num_hidden_layers\": 3 | model.layers.2.input_layernorm.weight is missing",
    "\"num_hidden_layers\": 2 | \"num_hidden_layers\": 1e9 | num_hidden_layers is",
    "\"num_key_value_heads\": 3 | \"num_key_value_heads\": 4 | a divisor of the 6 heads",
    "\"head_dim\": 20 | \"head_dim\": 19 | head_dim is 19; it must be even",
    "\"query_pre_attn_scalar\": 36 | \"query_pre_attn_scalar\": 0 | query_pre_attn_scalar is 0.0; it must be a positive number",
    "\"query_pre_attn_scalar\": 36 | \"query_pre_attn_scalar\": true | query_pre_attn_scalar is true; it must be a number",
    "\"vocab_size\": 448 | \"vocab_size\": 447 | the vocabulary has 448 pieces, but the embedding 447 rows",
    "\"vocab_size\": 448 | \"vocab_size\": -1 | vocab_size is -1",
    "\"tie_word_embeddings\": true | \"tie_word_embeddings\": false | tensor lm_head.weight is missing",
    "\"rope_theta\": 10000.0 | \"rope_theta\": 0 | rope_theta is 0; it must be a positive number",
    "\"rope_theta\": 10000.0 | \"rope_theta\": 1e4, \"rope_parameters\": {\"rope_theta\": 1e5} | rope_theta is 10000.0, and rope_parameters.rope_theta 100000.0; remove one",
    "\"rope_theta\": 10000.0 | \"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2} | rope_scaling.rope_type is 'dynamic', which is not supported",
    "\"rope_theta\": 10000.0 | \"rope_scaling\": {\"type\": \"linear\"} | rope_scaling.factor is missing; it must be a positive number",
    "\"rope_theta\": 10000.0 | \"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}, \"rope_parameters\": {\"rope_theta\": 2} | both say how positions are encoded",
    "\"rope_theta\": 10000.0 | \"rope_parameters\": {\"factor\": 8} | rope_parameters.factor is 8, which is not supported",
    "\"rope_theta\": 10000.0 | \"rope_parameters\": {\"full_attention\": {\"rope_theta\": 2}} | rope_parameters says nothing of sliding_attention",
    "\"rope_theta\": 10000.0 | \"partial_rotary_factor\": 0.5 | partial_rotary_factor is 0.5, which is not supported",
    "\"rope_theta\": 10000.0 | \"layer_types\": [\"full_attention\"] | layer_types names 1 layers, but there are 2",
    "\"rope_theta\": 10000.0 | \"layer_types\": [\"full_attention\", \"linear_attention\"] | layer_types says \"linear_attention\" of layer 1",
    "\"rope_theta\": 10000.0 | \"attention_bias\": true | attention_bias is true, which is not supported",
    "\"rope_theta\": 10000.0 | \"attention_multiplier\": 1.0 | attention_multiplier is 1.0, which is not supported",
    "\"rope_theta\": 10000.0 | \"use_bidirectional_attention\": true | use_bidirectional_attention is true, which is not supported",
    "\"rope_theta\": 10000.0 | \"sliding_window_size\": 12 | sliding_window_size is 12, and the window of the layers another",
    "gelu_pytorch_tanh | silu | hidden_activation is \"silu\", which is not supported; Gemma's is gelu_pytorch_tanh",
    "gelu_pytorch_tanh | gelu | hidden_activation is \"gelu\", which is not supported",
    "\"rope_theta\": 10000.0 | \"quantization_config\": {\"quant_method\": \"gptq\", \"bits\": 4} | the weights are quantized by gptq (quantization_config)",
    "\"rope_theta\": 10000.0 | \"quantization\": {\"group_size\": 64, \"bits\": 4} | the weights are quantized by MLX (quantization)",
    "\"eos_token_id\": 1 | \"eos_token_id\": [1, 448] | eos_token_id is 448; a number or a list of numbers below 448",
    "\"eos_token_id\": 1 | \"eos_token_id\": \"x\" | eos_token_id is \"x\"",
    "{ | [ | not JSON",
    "\"rms_norm_eps\": 1e-06 | \"rms_norm_eps\": 2 | rms_norm_eps is 2.0; it must be between 0 and 1",
  })
  void aBrokenConfigurationIsSaidToBe(String text, String replacement, String message) throws IOException {
    Path config = model.resolve("config.json");
    String before = Files.readString(config);
    assertThat(before).contains(text);
    Files.writeString(config, before.replaceFirst(java.util.regex.Pattern.quote(text), java.util.regex.Matcher.quoteReplacement(replacement)));
    refused(message);
  }

  @Test
  void layersMayDifferInTheirWindowsAndInHowPositionsBecomeAngles() throws IOException {
    Path config = model.resolve("config.json");
    Files.writeString(
        config,
        Files.readString(config)
            .replace(
                "\"rope_theta\": 10000.0",
                "\"layer_types\": [\"full_attention\", \"sliding_attention\"], \"rope_parameters\": {"
                    + "\"sliding_attention\": {\"rope_type\": \"default\", \"rope_theta\": 5000.0},"
                    + "\"full_attention\": {\"rope_type\": \"linear\", \"factor\": 8, \"rope_theta\": 1000000}}"));
    ModelConfig read = load().config();
    assertThat(read.layer(0)).isEqualTo(new LayerConfig(0, new Rope(1_000_000, new Rope.Linear(8))));
    assertThat(read.layer(1)).isEqualTo(new LayerConfig(9, Rope.unscaled(5000)));
  }

  /** As transformers takes it. */
  @Test
  void yarnIsOverTheModelsContextWhereNoOtherIsNamed() throws IOException {
    Path config = model.resolve("config.json");
    Files.writeString(
        config,
        Files.readString(config)
            .replaceFirst("\"max_position_embeddings\": \\d+", "\"max_position_embeddings\": 64")
            .replace("\"rope_theta\": 10000.0", "\"rope_theta\": 10000.0, \"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4}"));
    assertThat(load().config().layer(1).rope().scaling()).isInstanceOfSatisfying(Rope.Yarn.class, yarn -> assertThat(yarn.originalContext()).isEqualTo(64));
  }

  /** What published directories have beside what is read. */
  @Test
  void fieldsThatChangeNoNumberAreNoReasonToRefuse() throws IOException {
    Path config = model.resolve("config.json");
    Files.writeString(
        config,
        Files.readString(config)
            .replace(
                "\"rope_theta\": 10000.0",
                "\"rope_theta\": 10000.0, \"_name_or_path\": \"google/gemma-2-2b\", \"cache_implementation\": \"hybrid\", \"use_cache\": true,"
                    + "\"attention_bias\": false, \"attention_dropout\": 0.0, \"initializer_range\": 0.02, \"hidden_act\": \"gelu_pytorch_tanh\","
                    + "\"sliding_window_size\": 9, \"transformers_version\": \"4.42.0\", \"auto_map\": {\"AutoConfig\": \"x.Y\"}, \"rope_scaling\": null,"
                    + "\"rope_parameters\": {\"rope_theta\": 10000.0, \"rope_type\": \"default\"}, \"use_bidirectional_attention\": null,"
                    + "\"unsloth_fixed\": true, \"quantization_config\": {}, \"temperature\": 0.7, \"num_experts\": 0"));
    Files.writeString(
        model.resolve("generation_config.json"),
        "{\"_from_model_config\": true, \"bos_token_id\": 2, \"eos_token_id\": [1, 7], \"do_sample\": true, \"temperature\": 0.6, \"suppress_tokens\": null}");
    Files.writeString(
        model.resolve("tokenizer_config.json"),
        "{\"add_bos_token\": true, \"add_eos_token\": true, \"added_tokens_decoder\": {\"0\": {\"content\": \"<pad>\"}}, \"clean_up_tokenization_spaces\": false,"
            + "\"legacy\": null, \"model_max_length\": 1000000000000000019884624838656, \"tokenizer_class\": \"GemmaTokenizer\", \"add_prefix_space\": false}");
    assertThat(load().config().layer(0)).isEqualTo(new LayerConfig(9, Rope.unscaled(10000)));
  }

  @Test
  void fieldsOfTheOtherFilesThatNobodyKnowsAreNamed() throws IOException {
    Files.writeString(model.resolve("generation_config.json"), "{\"suppress_tokens\": [7]}");
    refused("generation_config.json: suppress_tokens is [7], which is not supported");
    Files.delete(model.resolve("generation_config.json"));
    Files.writeString(model.resolve("tokenizer_config.json"), "{\"add_prefix_space\": true}");
    refused("tokenizer_config.json: add_prefix_space is true, which is not supported");
  }

  @Test
  void filesThatAreMissingAreNamed() throws IOException {
    Files.delete(model.resolve("model-00002-of-00002.safetensors"));
    refused("names model-00002-of-00002.safetensors, but there is no such file beside it");
    Files.delete(model.resolve("model.safetensors.index.json"));
    refused("neither model.safetensors nor model.safetensors.index.json; get the model again");
    Files.writeString(model.resolve("pytorch_model.bin"), "x");
    refused("a pickled PyTorch checkpoint, which may run code when it is read and is refused");
    Files.delete(model.resolve("config.json"));
    refused("is a directory without config.json");
  }

  @Test
  void aModelWithoutATokenizerIsRefused() throws IOException {
    Files.delete(model.resolve("tokenizer.model"));
    refused("neither tokenizer.json nor tokenizer.model");
  }

  /** What the fuzzer found: bytes that look like UTF-32 and are of no character; an array where a text belongs. */
  @Test
  void whatTheFuzzerFoundIsAnErrorOfOurs() throws IOException {
    byte[] bytes = {'{', 0, 0, 0, 0, 0, (byte) 0xFF, 0x21};
    Files.write(model.resolve("tokenizer.json"), bytes);
    refused("not the JSON of a tokenizer: Invalid UTF-32");
    Files.writeString(model.resolve("tokenizer.json"), "{\"model\": {\"unk_token\": [1, 2]}}");
    refused("VALUE_NUMBER_INT where FIELD_NAME is expected");
    Files.write(model.resolve("config.json"), bytes);
    refused("not JSON: Invalid UTF-32");
  }

  @Test
  void anIndexThatLeadsAwayOrAstrayIsRefused() throws IOException {
    Path index = model.resolve("model.safetensors.index.json");
    String sound = Files.readString(index);
    for (String name : List.of("../model.safetensors", "/etc/passwd", "a/b.safetensors", "..safetensors", "weights.bin")) {
      Files.writeString(index, "{\"weight_map\": {\"a\": \"" + name + "\"}}");
      refused("the index names a file '" + name + "'");
    }
    Files.writeString(index, "{}");
    refused("there is no weight_map");
    // every tensor in the other file than it is in
    Files.writeString(index, sound.replace("00001-of", "X").replace("00002-of", "00001-of").replace("X", "00002-of"));
    refused("where the index has it");
    Files.copy(model.resolve("model-00001-of-00002.safetensors"), model.resolve("twin.safetensors"));
    Files.writeString(index, sound.replaceFirst("model-00002-of-00002", "twin"));
    refused("stands in both");
  }

  @Test
  void whatGenerationConfigSaysOfStoppingIsFollowed() throws IOException {
    Files.writeString(model.resolve("generation_config.json"), "{\"eos_token_id\": [1, 7]}");
    assertThat(load().stopTokens()).containsExactlyInAnyOrder(1, 5, 7);
    Files.writeString(model.resolve("generation_config.json"), "{\"eos_token_id\": null}");
    assertThat(load().stopTokens()).containsExactlyInAnyOrder(1, 5);
  }

  @Test
  void theChatTemplateMayBeAFileOrOneOfSeveral() throws IOException {
    Files.writeString(model.resolve("tokenizer_config.json"), "{\"chat_template\": [{\"name\": \"rag\", \"template\": \"r\"}, {\"name\": \"default\", \"template\": \"d\"}]}");
    assertThat(load().chatTemplate()).contains("d");
    Files.writeString(model.resolve("chat_template.jinja"), "j");
    assertThat(load().chatTemplate()).contains("j");
  }

  @Test
  void flippedBitsOfTheSmallFilesAreHarmlessOrAnErrorOfOurs() throws IOException {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(1);
    int refused = 0;
    for (String name : List.of("config.json", "model.safetensors.index.json")) {
      byte[] whole = Files.readAllBytes(model.resolve(name));
      for (int i = 0; i < 700; i++) {
        byte[] broken = whole.clone();
        broken[random.nextInt(broken.length)] ^= (byte) (1 << random.nextInt(8));
        Files.write(model.resolve(name), broken);
        long start = System.nanoTime();
        try {
          load();
        } catch (GemmaException e) {
          refused++;
        }
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(2));
      }
      Files.write(model.resolve(name), whole);
    }
    assertThat(refused).isGreaterThan(500);
  }

  @Test
  void aGgufInPartsLoadsFromAnyOfThem() throws IOException {
    parts();
    for (int i = 1; i <= 2; i++) {
      ModelWeights<WeightRows> weights = ModelLoader.load(ModelFiles.of(folder.resolve(String.format(Locale.ROOT, "m-0000%d-of-00002.gguf", i))));
      assertThat(weights.layers()).hasSize(1);
      assertThat(weights.parameters()).isPositive();
    }
  }

  @Test
  void aGgufThatDoesNotNameItsEndOfSequenceEndsAtIt() throws IOException {
    Path tiny = Files.write(folder.resolve("tiny.gguf"), GgufBuilder.tiny().build());
    ModelWeights<WeightRows> weights = ModelLoader.load(ModelFiles.of(tiny));
    assertThat(weights.stopTokens()).contains(weights.vocabulary().eos(), weights.vocabulary().endOfTurn().orElseThrow());
  }

  @Test
  void partsThatAreMissingOrMixedUpAreNamed() throws IOException {
    parts();
    Path first = folder.resolve("m-00001-of-00002.gguf");
    Path second = folder.resolve("m-00002-of-00002.gguf");
    byte[] kept = Files.readAllBytes(second);
    Files.copy(first, second, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    assertThatThrownBy(() -> ModelLoader.load(ModelFiles.of(first))).hasMessageContaining("it is part 1 of 2, and its name that it is part 2 of 2");
    Files.delete(second);
    assertThatThrownBy(() -> ModelFiles.of(first)).hasMessageContaining("Part 2 of the 2 of m-00001-of-00002.gguf is missing");
    Path renamed = Files.write(folder.resolve("renamed.gguf"), kept);
    assertThatThrownBy(() -> ModelLoader.load(ModelFiles.of(renamed))).hasMessageContaining("it is part 2 of 2, and its name that it is part 1 of 1");
    Path many = Files.writeString(folder.resolve("m-00001-of-99999.gguf"), "");
    assertThatThrownBy(() -> ModelFiles.of(many)).hasMessageContaining("the name says 99999 parts");
  }

  /** The tiny model, its last tensor in a second file. */
  private void parts() throws IOException {
    byte[] first =
        GgufBuilder.tinyWith("gemma2.block_count", 1).u16("split.no", 0).u16("split.count", 2).without("blk.0.post_ffw_norm.weight").build();
    byte[] second =
        new GgufBuilder().u16("split.no", 1).u16("split.count", 2).tensor("blk.0.post_ffw_norm.weight", TensorType.F32, 32).build();
    Files.write(folder.resolve("m-00001-of-00002.gguf"), first);
    Files.write(folder.resolve("m-00002-of-00002.gguf"), second);
  }

  private ModelWeights<WeightRows> load() {
    return ModelLoader.load(ModelFiles.of(model));
  }

  private void refused(String message) {
    assertThatThrownBy(this::load).isInstanceOf(GemmaException.class).hasMessageContaining(message).hasMessageContaining("gemma");
  }
}
