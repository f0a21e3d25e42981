package dev.gemmaspark.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.GenerationFailure;
import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.Prompt;
import dev.gemmaspark.engine.generation.StopConditions;
import dev.gemmaspark.engine.internal.cache.DirectMemory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Memory outside the heap: when an engine takes it, and when it is given back. */
class EngineMemoryTest {
  private static final int ENGINES = 3;
  private static final long LIMIT = 128L << 20;
  private static final long NEXT_TO_NOTHING = 1 << 20;

  @TempDir Path folder;

  /** In a JVM of its own: how much it may take is for a whole JVM, and nothing but closing may give it back. */
  @Test
  void whatAnEngineTakesIsThereForTheNextOneWhenItIsClosed() throws Exception {
    Path log = folder.resolve("log");
    Process process =
        ChildJvm.of(
                List.of("--add-modules=jdk.incubator.vector", "-Xmx512m", "-XX:MaxDirectMemorySize=" + LIMIT),
                EngineMemoryTest.class.getName(),
                folder.resolve("cache").toString())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    assertThat(process.waitFor(3, TimeUnit.MINUTES)).isTrue();
    String output = Files.readString(log);
    assertThat(process.exitValue()).as(output).isZero();
    assertThat(output).contains("all " + ENGINES + " engines ended well");
  }

  /** Opens, uses and closes engines, each with more than half of the memory. */
  public static void main(String[] arguments) throws Exception {
    EngineOptions options =
        EngineOptions.forModel("demo").withThreads(2).withCacheDirectory(Path.of(arguments[0])).withKvCacheBytes(96 << 20);
    for (int i = 0; i < ENGINES; i++) {
      try (GemmaEngine engine = GemmaEngine.open(options)) {
        // the warm-up has had some
        expect(taken() < NEXT_TO_NOTHING, "after opening " + taken());
        engine.submit(GenerationRequest.of(Prompt.user("some text")).with(StopConditions.maxTokens(4))).get();
        expect(taken() > NEXT_TO_NOTHING, "in use " + taken());
      }
      expect(taken() < NEXT_TO_NOTHING, "after closing " + taken());
    }
    // what others take is not there for the cache: the request fails, and the engine goes on when it is
    GenerationRequest request = GenerationRequest.of(Prompt.user("some text")).with(StopConditions.maxTokens(4));
    try (GemmaEngine engine = GemmaEngine.open(options)) {
      List<ByteBuffer> others = new ArrayList<>(List.of(ByteBuffer.allocateDirect(100 << 20)));
      GenerationFailure failure = (GenerationFailure) engine.submit(request).get();
      expect(failure.message().contains("lower kvCacheMemory, or raise -XX:MaxDirectMemorySize"), failure.message());
      expect(engine.stats().kvCacheBytesUsed() == 0, "reserved " + engine.stats().kvCacheBytesUsed());
      others.clear();
      while (taken() > NEXT_TO_NOTHING) {
        System.gc();
      }
      expect(engine.submit(request).get() instanceof Completion, "memory that is there again");
    }
    System.out.println("all " + ENGINES + " engines ended well");
  }

  private static void expect(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  private static long taken() {
    return LIMIT - DirectMemory.left();
  }
}
