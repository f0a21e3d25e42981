package dev.gemmaspark.spark.executor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.engine.TokenCounter;
import dev.gemmaspark.spark.conf.GemmaConf;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExecutorTokenizerTest {
  @Test
  void aModelThatWasReplacedIsReadAgain(@TempDir Path folder) throws Exception {
    Path model = Files.copy(Path.of("../engine/src/test/resources/golden/gemma2-gguf/gemma2-q4_0.gguf"), folder.resolve("m.gguf"));
    GemmaConf conf = GemmaConf.of(Map.of("spark.gemma.model", model.toString()));
    TokenCounter first = ExecutorTokenizer.get(conf);
    assertThat(ExecutorTokenizer.get(conf)).isSameAs(first);
    Files.setLastModifiedTime(model, FileTime.fromMillis(1_000));
    assertThat(ExecutorTokenizer.get(conf)).isNotSameAs(first);
  }
}
