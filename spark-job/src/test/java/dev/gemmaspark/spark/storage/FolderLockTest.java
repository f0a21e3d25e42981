package dev.gemmaspark.spark.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class FolderLockTest {
  private static final FolderLock.Timing FAST = new FolderLock.Timing(Duration.ofMillis(40), Duration.ofMillis(800), Duration.ofMillis(20));

  @TempDir Path folder;
  private FileSystem fileSystem;
  private Path file;

  @BeforeEach
  void open() throws IOException {
    fileSystem = FileSystem.getLocal(new Configuration());
    file = folder.resolve("out/_gemma_lock");
  }

  @Test
  void aSecondRunIsToldWhoseTheFolderIs() throws IOException {
    try (FolderLock lock = acquire("run-1")) {
      assertThatThrownBy(() -> acquire("run-2"))
          .isInstanceOf(FolderInUseException.class)
          .hasMessageContaining("Another run is at work in")
          .hasMessageContaining("'summarize' on ")
          .hasMessageContaining("process " + ProcessHandle.current().pid() + ", run run-1");
      lock.requireHeld();
      assertThat(lock.runId()).isEqualTo("run-1");
    }
    acquire("run-2").close();
    assertThat(folder.resolve("out")).doesNotExist();
  }

  @Test
  @Timeout(60)
  void aLockThatCannotBeReadIsAnErrorAndNoHang() throws IOException {
    // as one of somebody else, who lets nobody read it
    Files.createDirectories(file);
    assertThatThrownBy(() -> acquire("run-2")).isInstanceOf(IOException.class).hasMessageContaining("is there and cannot be read: see whose it is");
  }

  @Test
  void aFolderThatSomethingIsInStays() throws IOException {
    try (FolderLock lock = acquire("run-1")) {
      Files.writeString(folder.resolve("out/part-0.parquet"), "x");
      lock.requireHeld();
    }
    assertThat(folder.resolve("out")).isDirectoryContaining("glob:**/part-0.parquet");
    assertThat(file).doesNotExist();
  }

  @Test
  void aRunOnAnotherMachineIsSeenToLiveByItsBeat() throws Exception {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text(0));
    // old by our clock
    Files.setLastModifiedTime(file, FileTime.fromMillis(0));
    FolderLock.Timing patient = new FolderLock.Timing(Duration.ofMillis(40), Duration.ofSeconds(30), Duration.ZERO);
    Thread beats = beatsOfAnother();
    try {
      assertThatThrownBy(() -> FolderLock.acquire(fileSystem, hadoop("out"), "summarize", "run-2", patient))
          .isInstanceOf(FolderInUseException.class)
          .hasMessageContaining("'summarize' on elsewhere, process 7, run run-1");
    } finally {
      beats.interrupt();
      beats.join();
    }
  }

  private Thread beatsOfAnother() {
    return Thread.ofPlatform()
        .start(
            () -> {
              try {
                for (int beat = 1; ; beat++) {
                  Files.writeString(file, text(beat));
                  Thread.sleep(30);
                }
              } catch (IOException e) {
                throw new IllegalStateException(e);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
  }

  @Test
  void aRunThatWasKilledElsewhereFreesItsFolder() throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text(12));
    // a clock that is ahead of ours
    Files.setLastModifiedTime(file, FileTime.fromMillis(System.currentTimeMillis() + 3_600_000));
    long start = System.nanoTime();
    try (FolderLock lock = acquire("run-2")) {
      lock.requireHeld();
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isBetween(Duration.ofMillis(800), Duration.ofSeconds(20));
    }
  }

  @Test
  void aRunThatWasKilledHereFreesItsFolderAtOnce() throws Exception {
    Process process = new ProcessBuilder("true").start();
    process.waitFor();
    takesTheFolderOf(process.pid(), 1);
  }

  /** Where a run of this machine has it, with this process and start. */
  private void takesTheFolderOf(long pid, long started) throws IOException {
    String dead;
    try (FolderLock lock = acquire("run-1")) {
      dead =
          Files.readString(file)
              .replaceFirst("\"pid\":\\d+", "\"pid\":" + pid)
              .replaceFirst("\"started\":\\d+", "\"started\":" + started);
      lock.requireHeld();
    }
    Files.createDirectories(file.getParent());
    Files.writeString(file, dead);
    FolderLock.Timing never = new FolderLock.Timing(Duration.ofMillis(40), Duration.ofDays(1), Duration.ZERO);
    try (FolderLock lock = FolderLock.acquire(fileSystem, hadoop("out"), "summarize", "run-2", never)) {
      lock.requireHeld();
    }
  }

  @Test
  void aRunThatWasKilledAndThatNobodyHasAskedAboutFreesItsFolderAtOnce() throws Exception {
    // the child ends with its input, when its parent has become a program that never asks how
    Process parent = new ProcessBuilder("sh", "-c", "exec 3<&0; cat <&3 >&2 & echo $!; exec sleep 60 3<&-").start();
    try {
      String pid = parent.inputReader(StandardCharsets.US_ASCII).readLine();
      while (!Files.readString(Path.of("/proc", Long.toString(parent.pid()), "comm")).startsWith("sleep")) {
        Thread.onSpinWait();
      }
      parent.outputWriter().close();
      String stat = Files.readString(Path.of("/proc", pid, "stat"));
      while (!stat.contains(") Z ")) {
        Thread.onSpinWait();
        stat = Files.readString(Path.of("/proc", pid, "stat"));
      }
      takesTheFolderOf(Long.parseLong(pid), Long.parseLong(stat.split(" ")[21]));
    } finally {
      parent.destroyForcibly();
    }
  }

  @Test
  void aDiskThatIsFullIsAnErrorAndNoOtherRun() {
    FileSystem full = new FullDisk();
    full.setConf(new Configuration());
    assertThatThrownBy(() -> FolderLock.acquire(full, hadoop("out"), "summarize", "run-1", FAST))
        .isInstanceOf(IOException.class)
        .hasMessage("No space left on device");
    assertThat(file).doesNotExist();
  }

  @Test
  void ofManyThatWaitForADeadRunOneTakesItsPlace() throws Exception {
    int waiters = 6;
    for (int round = 0; round < 10; round++) {
      Files.createDirectories(file.getParent());
      Files.writeString(file, round % 2 == 0 ? text(3) : "");
      List<FolderLock> held = new ArrayList<>();
      int refused = 0;
      ExecutorService threads = Executors.newFixedThreadPool(waiters);
      try {
        CyclicBarrier together = new CyclicBarrier(waiters);
        List<Future<FolderLock>> all = new ArrayList<>();
        for (int i = 0; i < waiters; i++) {
          String runId = "waiter-" + i;
          all.add(
              threads.submit(
                  () -> {
                    together.await();
                    return acquire(runId);
                  }));
        }
        for (Future<FolderLock> each : all) {
          try {
            held.add(each.get());
          } catch (ExecutionException e) {
            assertThat(e).hasCauseInstanceOf(FolderInUseException.class);
            refused++;
          }
        }
      } finally {
        threads.shutdownNow();
      }
      assertThat(held).hasSize(1);
      assertThat(refused).isEqualTo(waiters - 1);
      held.getFirst().requireHeld();
      held.getFirst().close();
    }
  }

  @Test
  void aLockThatAnotherTookForADeadOnesAndPutBackIsHeld() throws Exception {
    // at the first look it is away
    AtomicInteger looks = new AtomicInteger();
    FileSystem others =
        new RawLocalFileSystem() {
          @Override
          public FSDataInputStream open(org.apache.hadoop.fs.Path path, int bufferSize) throws IOException {
            if (looks.getAndIncrement() == 0) {
              throw new FileNotFoundException(path.toString());
            }
            return super.open(path, bufferSize);
          }
        };
    others.initialize(URI.create("file:///"), new Configuration());
    try (FolderLock lock = FolderLock.acquire(others, hadoop("out"), "summarize", "run-1", FAST)) {
      lock.requireHeld();
    }
    assertThat(file).doesNotExist();
  }

  @Test
  void aRunThatEndsMayTakeTheFolderWithIt() throws Exception {
    // at the moment before the file is made
    AtomicInteger made = new AtomicInteger();
    FileSystem others =
        new RawLocalFileSystem() {
          @Override
          public boolean mkdirs(org.apache.hadoop.fs.Path path) throws IOException {
            return made.getAndIncrement() == 0 || super.mkdirs(path);
          }
        };
    others.initialize(URI.create("file:///"), new Configuration());
    try (FolderLock lock = FolderLock.acquire(others, hadoop("out"), "summarize", "run-1", FAST)) {
      lock.requireHeld();
    }
  }

  @Test
  void aHolderThatWasTakenForDeadEndsBeforeItWritesMore() throws Exception {
    CountDownLatch lost = new CountDownLatch(1);
    try (FolderLock lock = acquire("run-1")) {
      lock.whenLost(lost::countDown);
      Files.writeString(file, text(0));
      assertThat(lost.await(20, TimeUnit.SECONDS)).isTrue();
      assertThatThrownBy(lock::requireHeld).isInstanceOf(FolderInUseException.class).hasMessageContaining("This run has lost its lock");
      // and for good
      Files.delete(file);
      assertThatThrownBy(lock::requireHeld).isInstanceOf(FolderInUseException.class);
      Files.writeString(file, text(5));
    }
    assertThat(Files.readString(file)).isEqualTo(text(5));
  }

  @Test
  void aDeadRunsLockThatCannotBeRenamedIsAnError() throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text(0));
    RawLocalFileSystem others =
        new RawLocalFileSystem() {
          @Override
          public boolean rename(org.apache.hadoop.fs.Path from, org.apache.hadoop.fs.Path to) {
            return false;
          }
        };
    others.initialize(URI.create("file:///"), new Configuration());
    assertThatThrownBy(() -> FolderLock.acquire(others, hadoop("out"), "summarize", "run-2", FAST))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("of a run that is dead cannot be taken over: it cannot be renamed");
    assertThat(file).hasContent(text(0));
  }

  @Test
  void aDiskThatIsFullForAMomentDoesNotEndTheRun() throws Exception {
    FullDisk disk = new FullDisk();
    disk.initialize(URI.create("full:///"), new Configuration());
    disk.full = false;
    try (FolderLock lock = FolderLock.acquire(disk, hadoop("out"), "summarize", "run-1", FAST)) {
      String whole = Files.readString(file);
      disk.full = true;
      while (Files.size(file) > 0) {
        Thread.sleep(5);
      }
      lock.requireHeld();
      disk.full = false;
      while (Files.size(file) < whole.length()) {
        Thread.sleep(5);
      }
      lock.requireHeld();
    }
    assertThat(file).doesNotExist();
  }

  /** Makes files, and while it is full has no room for what is in them. */
  private static final class FullDisk extends RawLocalFileSystem {
    volatile boolean full = true;

    @Override
    public URI getUri() {
      return URI.create("full:///");
    }

    @Override
    public FSDataOutputStream create(org.apache.hadoop.fs.Path path, boolean overwrite) throws IOException {
      if (!full) {
        return super.create(path, overwrite);
      }
      super.create(path, overwrite).close();
      return new FSDataOutputStream(
          new OutputStream() {
            @Override
            public void write(int b) throws IOException {
              throw new IOException("No space left on device");
            }
          },
          null);
    }
  }

  private FolderLock acquire(String runId) throws IOException {
    return FolderLock.acquire(fileSystem, hadoop("out"), "summarize", runId, FAST);
  }

  private org.apache.hadoop.fs.Path hadoop(String name) {
    return new org.apache.hadoop.fs.Path(folder.resolve(name).toString());
  }

  private static String text(int beat) {
    return "{\"application\":\"summarize\",\"runId\":\"run-1\",\"host\":\"elsewhere\",\"machine\":\"another\",\"pid\":7,\"started\":1,\"key\":\"k\",\"beat\":"
        + beat
        + "}";
  }
}
