package dev.gemmaspark.spark.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.engine.ModelIdentity;
import dev.gemmaspark.engine.ModelSource;
import dev.gemmaspark.engine.chat.ChatTemplate;
import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.error.ModelNotFoundException;
import dev.gemmaspark.spark.conf.GemmaConf;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelLocationTest {
  /** What viewfs://models/shared shows; see core-site.xml. */
  private static final Path MOUNTED = Path.of("target/viewfs").toAbsolutePath();

  @TempDir Path cache;
  @TempDir Path remote;

  @BeforeEach
  void setUp() throws IOException {
    Files.createDirectories(MOUNTED);
    CountingFileSystem.OPENED.set(0);
  }

  @Test
  void aFileOfAHadoopFileSystemIsCopiedOnceAndReadOnly() throws IOException {
    Files.writeString(MOUNTED.resolve("m.gguf"), "weights");
    Path copy = Path.of(ModelLocation.resolve("viewfs://models/shared/m.gguf", cache));
    assertThat(copy).hasFileName("m.gguf").startsWith(cache).hasContent("weights");
    assertThat(Files.getPosixFilePermissions(copy).toString()).doesNotContain("WRITE");
    assertThat(ModelLocation.resolve("viewfs://models/shared/m.gguf", cache)).isEqualTo(copy.toString());
  }

  @Test
  void aDirectoryIsCopiedWithTheFilesThatCount() throws IOException {
    Path model = Files.createDirectories(remote.resolve("gemma"));
    for (String name : List.of("config.json", "tokenizer.model", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "README.md", "pytorch_model.bin")) {
      Files.writeString(model.resolve(name), name);
    }
    Path copy = Path.of(ModelLocation.resolve("counting://" + model, cache));
    assertThat(copy).hasFileName("gemma");
    try (Stream<Path> files = Files.list(copy)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder("config.json", "tokenizer.model", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors");
    }
  }

  @Test
  void allPartsComeWithOneOfThem() throws IOException {
    for (int i = 1; i <= 3; i++) {
      Files.writeString(remote.resolve(String.format(Locale.ROOT, "m-0000%d-of-00003.gguf", i)), "part " + i);
    }
    Files.writeString(remote.resolve("other.gguf"), "other");
    Path copy = Path.of(ModelLocation.resolve("counting://" + remote.resolve("m-00002-of-00003.gguf"), cache));
    assertThat(copy).hasContent("part 2");
    assertThat(copy.resolveSibling("m-00003-of-00003.gguf")).hasContent("part 3");
    assertThat(copy.resolveSibling("other.gguf")).doesNotExist();
  }

  @Test
  void executorsThatComeAtOnceShareOneCopy() throws Exception {
    String uri = "counting://" + Files.writeString(remote.resolve("m.gguf"), "weights".repeat(100_000));
    List<Callable<String>> executors = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      executors.add(() -> ModelLocation.resolve(uri, cache));
    }
    List<String> paths = new ArrayList<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      for (Future<String> path : threads.invokeAll(executors)) {
        paths.add(path.get());
      }
    }
    assertThat(paths).containsOnly(paths.getFirst());
    assertThat(CountingFileSystem.OPENED).hasValue(1);
  }

  @Test
  void aHalfCopyThatAKilledProcessLeftIsRepaired() throws IOException {
    String uri = "counting://" + Files.writeString(remote.resolve("m.gguf"), "weights");
    Path copy = Path.of(ModelLocation.resolve(uri, cache));
    Path folder = copy.getParent();
    Path left = Files.createDirectories(folder.resolveSibling(folder.getFileName() + "-123.unfinished"));
    Files.writeString(left.resolve("m.gguf"), "wei");
    Files.delete(copy);
    Files.writeString(copy, "wei");
    assertThat(Path.of(ModelLocation.resolve(uri, cache))).isEqualTo(copy).hasContent("weights");
    assertThat(left).doesNotExist();
    assertThat(CountingFileSystem.OPENED).hasValue(2);
  }

  @Test
  void aModelThatWasReplacedIsCopiedAnew() throws IOException {
    Path model = Files.writeString(remote.resolve("m.gguf"), "weights");
    String first = ModelLocation.resolve("counting://" + model, cache);
    Files.writeString(model, "WEIGHTS");
    Files.setLastModifiedTime(model, FileTime.fromMillis(1_000_000));
    String second = ModelLocation.resolve("counting://" + model, cache);
    assertThat(second).isNotEqualTo(first);
    assertThat(Path.of(second)).hasContent("WEIGHTS");
    assertThat(Path.of(first)).hasContent("weights");
  }

  @Test
  void whatIsNotThereIsNamedWithItsHostAndAMend() {
    assertThatThrownBy(() -> ModelLocation.resolve("/no/such/model.gguf", cache))
        .isInstanceOf(ModelNotFoundException.class)
        .hasMessageContaining("/no/such/model.gguf on host")
        .hasMessageContaining("--files");
    assertThatThrownBy(() -> ModelLocation.resolve("viewfs://models/shared/none.gguf", cache)).hasMessage("There is no model viewfs://models/shared/none.gguf; check the URI");
    assertThatThrownBy(() -> ModelLocation.resolve("nosuch://bucket/m.gguf", cache))
        .hasMessageContaining("nosuch://bucket/m.gguf cannot be copied")
        .hasMessageContaining("on host")
        .hasMessageContaining("No FileSystem for scheme");
    assertThat(ModelLocation.resolve("demo", cache)).isEqualTo("demo");
  }

  @Test
  void theSettingsAreFollowed() throws IOException {
    Path model = Files.writeString(remote.resolve("m.gguf"), "weights");
    Map<String, String> settings =
        Map.of(
            "spark.gemma.model", "file:" + model,
            "spark.gemma.model.cacheDir", cache.toString(),
            "spark.gemma.model.sha256", "0".repeat(64),
            "spark.gemma.quantization", "Q4_K_M",
            "spark.gemma.lora", remote.toString(),
            "spark.gemma.chatTemplate", "gemma_with_system_turn");
    ModelSource source = ModelLocation.options(GemmaConf.of(settings)).model();
    assertThat(source.location()).isEqualTo(model.toString());
    assertThat(source.quantization()).contains("Q4_K_M");
    assertThat(source.lora()).contains(remote);
    assertThat(source.chatTemplate()).contains(ChatTemplate.GEMMA_WITH_SYSTEM_TURN);
    assertThatThrownBy(() -> ModelIdentity.of(ModelLocation.options(GemmaConf.of(settings))))
        .isInstanceOf(GemmaException.class)
        .hasMessageContaining("spark.gemma.model.sha256");
  }
}
