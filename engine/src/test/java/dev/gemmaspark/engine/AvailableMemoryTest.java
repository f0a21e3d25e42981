package dev.gemmaspark.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With files as kernels write them. */
class AvailableMemoryTest {
  private static final long MIB = 1L << 20;

  @TempDir Path root;

  @Test
  void pageCacheIsAvailableThoughItIsNotFree() throws IOException {
    meminfo(6000);
    assertThat(read()).isEqualTo(6000 * MIB);
  }

  @Test
  void aContainerOfVersion2HasItsLimitWithoutWhatItUsesButThePageCache() throws IOException {
    meminfo(100_000);
    write("proc/self/cgroup", "0::/\n");
    // a model of 5 GiB that was just read, and a JVM of 2
    group("sys/fs/cgroup", "memory.max", 8192 * MIB + "", "memory.current", 7900 * MIB, "inactive_file " + 5600 * MIB);
    assertThat(read()).isEqualTo((8192 - 7900 + 5600) * MIB);
  }

  @Test
  void theTightestOfTheGroupsAroundAProcessCounts() throws IOException {
    meminfo(100_000);
    write("proc/self/cgroup", "0::/pods/one/main\n");
    group("sys/fs/cgroup/pods/one/main", "memory.max", "max", "memory.current", 100 * MIB, "inactive_file 0");
    group("sys/fs/cgroup/pods/one", "memory.max", 1000 * MIB + "", "memory.current", 300 * MIB, "inactive_file " + 50 * MIB);
    group("sys/fs/cgroup/pods", "memory.max", 9000 * MIB + "", "memory.current", 500 * MIB, "inactive_file 0");
    assertThat(read()).isEqualTo(750 * MIB);
  }

  @Test
  void aContainerOfVersion1HasItsLimitUnderThePathOfItsHost() throws IOException {
    meminfo(100_000);
    write("proc/self/cgroup", "9:name=systemd:/docker/abc\n4:cpu,memory:/docker/abc\n0::/docker/abc\n");
    group(
        "sys/fs/cgroup/memory",
        "memory.limit_in_bytes",
        2000 * MIB + "",
        "memory.usage_in_bytes",
        1900 * MIB,
        "inactive_file 1\ntotal_inactive_file " + 900 * MIB);
    assertThat(read()).isEqualTo(1000 * MIB);
  }

  @Test
  void aGroupWithoutALimitLeavesWhatTheMachineHas() throws IOException {
    meminfo(700);
    write("proc/self/cgroup", "4:memory:/../elsewhere\n0::/a\nrubbish\n");
    group("sys/fs/cgroup/memory", "memory.limit_in_bytes", "9223372036854771712", "memory.usage_in_bytes", 10 * MIB, "total_inactive_file 5");
    group("sys/fs/cgroup/a", "memory.max", "max", "memory.current", 10 * MIB, "inactive_file 5");
    assertThat(read()).isEqualTo(700 * MIB);
  }

  @Test
  void aGroupThatIsOverItsLimitHasNothingLeft() throws IOException {
    meminfo(700);
    write("proc/self/cgroup", "0::/\n");
    group("sys/fs/cgroup", "memory.max", "1000", "memory.current", 5000, "inactive_file 9000");
    assertThat(read()).isEqualTo(1000);
    group("sys/fs/cgroup", "memory.max", "1000", "memory.current", 5000, "inactive_file 100");
    assertThat(read()).isZero();
  }

  @Test
  void whereThereAreNoSuchFilesTheJvmIsAsked() {
    assertThat(new AvailableMemory(root).read()).isEmpty();
    assertThat(AvailableMemory.bytes()).isPositive();
  }

  private long read() {
    return new AvailableMemory(root).read().orElseThrow();
  }

  private void meminfo(long mebibytes) throws IOException {
    write(
        "proc/meminfo",
        "MemTotal:       131072000 kB\nMemFree:          102400 kB\nMemAvailable:   " + (mebibytes << 10) + " kB\nBuffers:            1024 kB\n");
  }

  private void group(String folder, String limitFile, String limit, String usageFile, long usage, String stat) throws IOException {
    write(folder + "/" + limitFile, limit + "\n");
    write(folder + "/" + usageFile, usage + "\n");
    write(folder + "/memory.stat", "anon 1234\n" + stat + "\nactive_file 77\n");
  }

  private void write(String file, String text) throws IOException {
    Path path = root.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
  }
}
