package dev.gemmaspark.engine.internal.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermission;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The model cache: written once, by one of many, whole or not at all. */
class PackedModelFileTest {
  private static final String SHA256 = "ab".repeat(32);

  @TempDir Path cache;
  private final ModelWeights<WeightRows> weights = RandomModel.gemma2(TensorType.Q8_0);
  private final AtomicInteger writes = new AtomicInteger();

  @Test
  void theSecondOpeningReadsWhatTheFirstWrote() throws Exception {
    ModelWeights<PackedMatrix> first = open();
    FileTime written = Files.getLastModifiedTime(file());
    ModelWeights<PackedMatrix> second = open();
    assertThat(writes).hasValue(1);
    assertThat(Files.getLastModifiedTime(file())).isEqualTo(written);
    assertThat(bytes(second)).isEqualTo(bytes(first));
  }

  @Test
  void ofManyThatOpenAtOnceOneWrites() throws Exception {
    List<CompletableFuture<ModelWeights<PackedMatrix>>> openings = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      openings.add(CompletableFuture.supplyAsync(this::open, task -> Thread.ofPlatform().start(task)));
    }
    for (CompletableFuture<ModelWeights<PackedMatrix>> opening : openings) {
      opening.get();
    }
    assertThat(writes).hasValue(1);
    assertThat(leftOvers()).isEmpty();
  }

  @Test
  void aFileThatIsCutOffOrOfAnotherModelIsWrittenAgain() throws Exception {
    byte[] sound = bytes(open());
    Path file = file();
    byte[] whole = Files.readAllBytes(file);
    replace(file, Arrays.copyOf(whole, whole.length / 2));
    assertThat(bytes(open())).isEqualTo(sound);
    whole[30] ^= 1;
    replace(file, whole);
    assertThat(bytes(open())).isEqualTo(sound);
    assertThat(writes).hasValue(3);
  }

  @Test
  void aCacheThatCannotBeWrittenIsAnErrorThatNamesIt() throws Exception {
    Path noFolder = Files.createFile(cache.resolve("file"));
    try (WorkerPool pool = new WorkerPool(1, "test")) {
      assertThatThrownBy(
              () -> PackedModelFile.open(weights, Path.of("m.gguf"), SHA256, noFolder, pool, share -> {}))
          .isInstanceOf(GemmaException.class)
          .hasMessageContaining("Cannot write the packed weights to " + noFolder)
          .hasMessageContaining("make room there, or name another cache folder");
    }
  }

  @Test
  void whatKilledProcessesAndOlderVersionsLeftIsDeleted() throws Exception {
    Path packed = Files.createDirectories(cache.resolve("packed"));
    Path killed = old(packed.resolve("cd".repeat(8) + "123.unfinished"));
    Path older = old(packed.resolve("cd".repeat(32) + "-v1.panels"));
    Path olderLock = old(packed.resolve("cd".repeat(32) + "-v1.panels.lock"));
    Path others = old(packed.resolve("notes.txt"));
    Path justBegun = Files.writeString(packed.resolve("begun.unfinished"), "x");
    Path newer = old(packed.resolve("cd".repeat(32) + "-v999.panels"));
    open();
    assertThat(killed).doesNotExist();
    assertThat(older).doesNotExist();
    assertThat(olderLock).doesNotExist();
    assertThat(List.of(others, justBegun, newer)).allSatisfy(file -> assertThat(file).exists());
  }

  @Test
  void whatAnotherProcessIsWritingStays() throws Exception {
    Path packed = Files.createDirectories(cache.resolve("packed"));
    Path busy = old(packed.resolve("busy.unfinished"));
    try (FileChannel channel = FileChannel.open(busy, StandardOpenOption.WRITE);
        FileLock lock = channel.lock()) {
      assertThat(lock.isValid()).isTrue();
      open();
      assertThat(busy).exists();
    }
  }

  @Test
  void anotherUserOfTheCacheMayReadWhatThisOneWrote() throws Exception {
    Path model = Files.writeString(cache.resolve("m"), "abc");
    Set<PosixFilePermission> usual = Files.getPosixFilePermissions(model);
    open();
    ModelChecksum.of(model, cache, share -> {});
    assertThat(Files.getPosixFilePermissions(file())).isEqualTo(usual);
    try (Stream<Path> memos = Files.list(cache.resolve("checksums"))) {
      assertThat(Files.getPosixFilePermissions(memos.findFirst().orElseThrow())).isEqualTo(usual);
    }
  }

  private static Path old(Path file) throws IOException {
    return Files.setLastModifiedTime(Files.writeString(file, "x"), FileTime.fromMillis(1));
  }

  @Test
  void theChecksumIsThatOfTheFileAndRememberedUntilItChanges() throws Exception {
    Path file = Files.writeString(cache.resolve("m"), "abc");
    String abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assertThat(ModelChecksum.of(file, cache, share -> writes.incrementAndGet())).isEqualTo(abc);
    assertThat(ModelChecksum.of(file, cache, share -> writes.incrementAndGet())).isEqualTo(abc);
    assertThat(writes).hasValue(1);
    Files.writeString(file, "abd");
    Files.setLastModifiedTime(file, FileTime.fromMillis(1));
    assertThat(ModelChecksum.of(file, cache, share -> writes.incrementAndGet())).isNotEqualTo(abc);
  }

  private ModelWeights<PackedMatrix> open() {
    try (WorkerPool pool = new WorkerPool(2, "test")) {
      return PackedModelFile.open(
          weights,
          Path.of("m.gguf"),
          SHA256,
          cache,
          pool,
          share -> {
            if (share == 1) {
              writes.incrementAndGet();
            }
          });
    }
  }

  /** Not in place: what is mapped must not change. */
  private static void replace(Path file, byte[] content) throws IOException {
    Files.delete(file);
    Files.write(file, content);
  }

  private Path file() throws IOException {
    try (Stream<Path> files = Files.list(cache.resolve("packed"))) {
      return files.filter(file -> file.toString().endsWith(".panels")).findFirst().orElseThrow();
    }
  }

  private List<Path> leftOvers() throws IOException {
    try (Stream<Path> files = Files.list(cache.resolve("packed"))) {
      return files.filter(file -> file.toString().endsWith(".unfinished")).toList();
    }
  }

  private static byte[] bytes(ModelWeights<PackedMatrix> model) {
    return model.layers().getLast().down().data().toArray(ValueLayout.JAVA_BYTE);
  }
}
