package dev.gemmaspark.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.GenerationFailure;
import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.GenerationResult;
import dev.gemmaspark.engine.generation.Prompt;
import dev.gemmaspark.engine.generation.StopConditions;
import dev.gemmaspark.engine.internal.safetensors.SafetensorsBuilder;
import dev.gemmaspark.engine.internal.safetensors.SafetensorsFile;
import dev.gemmaspark.engine.internal.tensor.StoredTensor;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What goes wrong with a model when it is loaded or runs already, and what a user sees of it. */
class RuntimeFaultsTest {
  private static final Path SOUND = Path.of("src/test/resources/golden/gemma2-gguf");
  private static final GenerationRequest REQUEST =
      GenerationRequest.of(Prompt.user("some text")).with(StopConditions.maxTokens(4));

  @TempDir Path folder;

  /** A norm that is a number, and makes numbers that are none. */
  @Test
  void logitsThatAreNoNumbersFailTheRowAndNameTheLayer() throws Exception {
    Path broken = copyWithWeights("model.layers.1.post_feedforward_layernorm.weight", 3e38f);
    try (GemmaEngine engine = open(broken)) {
      for (int i = 0; i < 2; i++) {
        GenerationFailure failure = (GenerationFailure) engine.submit(REQUEST).get();
        assertThat(failure.code()).isEqualTo(GenerationFailure.Code.NON_FINITE_LOGITS);
        assertThat(failure.message()).contains("not finite numbers, from layer 1 of 2 on").contains("gemma inspect --verify");
      }
    }
    Path head = copyWithWeights("model.norm.weight", 3e38f);
    try (GemmaEngine engine = open(head)) {
      assertThat(((GenerationFailure) engine.submit(REQUEST).get()).message()).contains("from the output head on");
    }
  }

  /** In half precision they become infinite, and a soft cap makes of an infinite score a finite one: garbage for text, without this. */
  @ParameterizedTest
  @ValueSource(strings = {"k_proj", "v_proj"})
  void keysAndValuesThatTheCacheCannotKeepFailTheRowAndNameTheSetting(String matrix) throws Exception {
    Path model = copyWithWeights("model.layers.0.self_attn." + matrix + ".weight", 1e6f);
    EngineOptions options = options(ModelSource.of(model.toString()));
    try (GemmaEngine engine = GemmaEngine.open(options)) {
      for (int i = 0; i < 2; i++) {
        GenerationFailure failure = (GenerationFailure) engine.submit(REQUEST).get();
        assertThat(failure.code()).isEqualTo(GenerationFailure.Code.NON_FINITE_LOGITS);
        assertThat(failure.message())
            .startsWith("the keys or values of layer 0 of 2 reach ")
            .endsWith("as f16; set kvCacheType to bf16 or f32");
      }
    }
    try (LogitsProbe probe = LogitsProbe.open(options, 8, 1)) {
      assertThatThrownBy(() -> probe.ask(List.of(new LogitsProbe.Query(new int[] {2, 7, 8}, 0))))
          .isInstanceOf(GemmaException.class)
          .hasMessageEndingWith("as f16; set kvCacheType to bf16 or f32");
    }
    try (GemmaEngine engine = GemmaEngine.open(options.withKvCacheType(KvCacheType.BF16))) {
      assertThat(engine.submit(REQUEST).get()).isInstanceOf(Completion.class);
    }
  }

  @Test
  void anotherTokenizerThanTheOnePinnedIsRefused() throws IOException {
    Path model = copyWithWeights("none", 0);
    ModelSource source = ModelSource.of(model.toString());
    String pinned = ModelIdentity.of(options(source)).sha256();
    byte[] tokenizer = Files.readAllBytes(model.resolve("tokenizer.model"));
    // two pieces of one length change places: still a tokenizer, and it still fits by its size
    byte[] swapped = swap(tokenizer, "ab", "ba");
    Files.write(model.resolve("tokenizer.model"), swapped);
    assertThat(ModelIdentity.of(options(source)).sha256()).isNotEqualTo(pinned);
    assertThatThrownBy(() -> ModelIdentity.of(options(source.withSha256(pinned))))
        .isInstanceOf(GemmaException.class)
        .hasMessageContaining("but " + pinned + " is asked for (spark.gemma.model.sha256)");
  }

  @Test
  void aModelThatIsReplacedAfterLoadingChangesNothingForTheEngineThatRuns() throws Exception {
    Path model = Files.copy(SOUND.resolve("gemma2-q4_0.gguf"), folder.resolve("model.gguf"));
    try (GemmaEngine engine = open(model)) {
      String before = text(engine.submit(REQUEST).get());
      Files.copy(SOUND.resolve("gemma2-q8_0.gguf"), model, StandardCopyOption.REPLACE_EXISTING);
      assertThat(text(engine.submit(REQUEST).get())).isEqualTo(before);
      try (FileChannel channel = FileChannel.open(model, StandardOpenOption.WRITE)) {
        channel.truncate(1000);
      }
      assertThat(text(engine.submit(REQUEST).get())).isEqualTo(before);
    }
    assertThatThrownBy(() -> open(model)).isInstanceOf(GemmaException.class).hasMessageContaining("the file is cut short");
  }

  /** The packed weights are mapped: a cut takes pages away under the kernels. In a JVM of its own, which may die of it. */
  @Test
  void packedWeightsThatAreCutWhileTheyAreMappedFailRequestsAndSayWhy() throws Exception {
    Path log = folder.resolve("log");
    Process process =
        ChildJvm.of(
                List.of("--add-modules=jdk.incubator.vector", "-XX:-CreateCoredumpOnCrash", "-XX:ErrorFile=" + folder.resolve("hs_err")),
                RuntimeFaultsTest.class.getName(),
                folder.toString())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
    String output = Files.readString(log);
    assertThat(process.exitValue()).as(output).isZero();
    assertThat(output).contains("before: Completion").contains("after: INTERNAL mapped weights could not be read: the file in the model cache was cut").contains("again: Completion");
  }

  /** Generates, cuts the packed weights, generates again, and once more with another engine. */
  public static void main(String[] arguments) throws Exception {
    Path folder = Path.of(arguments[0]);
    EngineOptions options =
        EngineOptions.forModel("demo").withThreads(2).withCacheDirectory(folder.resolve("cut"));
    try (GemmaEngine engine = GemmaEngine.open(options)) {
      // long enough for the kernels to be compiled
      GenerationRequest some = REQUEST.with(StopConditions.maxTokens(400));
      System.out.println("before: " + engine.submit(some).get().getClass().getSimpleName());
      try (Stream<Path> files = Files.list(folder.resolve("cut/packed"));
          FileChannel packed =
              FileChannel.open(files.filter(file -> file.toString().endsWith(".panels")).findFirst().orElseThrow(), StandardOpenOption.WRITE)) {
        packed.truncate(4096);
      }
      GenerationResult after = engine.submit(REQUEST).get();
      System.out.println("after: " + (after instanceof GenerationFailure failure ? failure.code() + " " + failure.message() : "Completion"));
    }
    try (GemmaEngine engine = GemmaEngine.open(options)) {
      System.out.println("again: " + engine.submit(REQUEST).get().getClass().getSimpleName());
    }
  }

  @Test
  void withoutTheVectorModuleTheFlagIsNamed() throws Exception {
    Process process =
        ChildJvm.of(List.of(), "dev.gemmaspark.engine.cli.GemmaCli", "generate", "--model", "demo", "--prompt", "x")
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).isEqualTo(2);
    assertThat(output).contains("add the flag --add-modules=jdk.incubator.vector").doesNotContain("\tat ");
  }

  private GemmaEngine open(Path model) {
    return GemmaEngine.open(options(ModelSource.of(model.toString())));
  }

  private EngineOptions options(ModelSource source) {
    return EngineOptions.forModel(source).withThreads(2).withCacheDirectory(folder.resolve("cache"));
  }

  private static String text(GenerationResult result) {
    return ((Completion) result).text();
  }

  /** The sound model, all numbers of one tensor replaced. */
  private Path copyWithWeights(String changed, float value) throws IOException {
    Path model = Files.createTempDirectory(folder, "model");
    for (String file : List.of("config.json", "tokenizer.model")) {
      Files.copy(SOUND.resolve(file), model.resolve(file));
    }
    SafetensorsFile sound = SafetensorsFile.open(SOUND.resolve("model.safetensors"));
    SafetensorsBuilder all = new SafetensorsBuilder();
    for (String name : sound.names()) {
      StoredTensor tensor = sound.tensor(name).orElseThrow();
      float[] weights = tensor.data().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN));
      if (name.equals(changed)) {
        Arrays.fill(weights, value);
      }
      all.floats(name, weights, Arrays.stream(tensor.shape()).mapToInt(n -> (int) n).toArray());
    }
    Files.write(model.resolve("model.safetensors"), all.build());
    return model;
  }

  private static byte[] swap(byte[] bytes, String a, String b) {
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    String mark = "\u0001";
    return text.replace(a, mark).replace(b, a).replace(mark, b).getBytes(StandardCharsets.ISO_8859_1);
  }
}
