package dev.gemmaspark.engine;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * Memory that processes may still take, of the machine and of every control group that this one is in. Page cache that can be dropped is
 * available: a model that was just read is in it, and would leave nothing free.
 *
 * <p>Read from {@code /proc/meminfo}, and of control groups, both versions, from the files below {@code /sys/fs/cgroup}, where containers
 * and Linux distributions mount them.
 */
final class AvailableMemory {
  private static final String UNIFIED = "";
  private static final String MEMORY = "memory";

  private final Path root;

  /** @param root where {@code proc} and {@code sys} are */
  AvailableMemory(Path root) {
    this.root = root;
  }

  /** Bytes of this machine that this process may still take. */
  static long bytes() {
    return new AvailableMemory(Path.of("/"))
        .read()
        .orElseGet(() -> ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getFreeMemorySize());
  }

  /** Empty where the system is none of Linux. */
  OptionalLong read() {
    return Stream.concat(machine().stream(), groups()).mapToLong(Long::longValue).min();
  }

  private Optional<Long> machine() {
    return field(root.resolve("proc/meminfo"), "MemAvailable:").map(kibibytes -> kibibytes << 10);
  }

  /** Lines such as {@code 4:cpu,memory:/pod/container} of version 1, and {@code 0::/pod/container} of version 2. */
  private Stream<Long> groups() {
    return lines(root.resolve("proc/self/cgroup")).stream()
        .map(line -> line.split(":", 3))
        .filter(parts -> parts.length == 3)
        .flatMap(
            parts -> {
              if (parts[1].equals(UNIFIED)) {
                Path mount = root.resolve("sys/fs/cgroup");
                return upwards(mount, parts[2])
                    .flatMap(group -> left(group, "memory.max", "memory.current", "inactive_file").stream());
              }
              if (List.of(parts[1].split(",")).contains(MEMORY)) {
                Path mount = root.resolve("sys/fs/cgroup/memory");
                return upwards(mount, parts[2])
                    .flatMap(
                        group -> left(group, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file").stream());
              }
              return Stream.empty();
            });
  }

  /** A group's folder and those of the groups around it; inside a container only the mount itself is there. */
  private static Stream<Path> upwards(Path mount, String group) {
    Path folder = mount.resolve(group.replaceFirst("^/+", "")).normalize();
    return Stream.iterate(folder.startsWith(mount) ? folder : mount, path -> path.startsWith(mount), Path::getParent);
  }

  private static Optional<Long> left(Path group, String limitFile, String usageFile, String droppableField) {
    Optional<Long> limit = number(group.resolve(limitFile));
    Optional<Long> usage = number(group.resolve(usageFile));
    if (limit.isEmpty() || usage.isEmpty()) {
      return Optional.empty();
    }
    long droppable = field(group.resolve("memory.stat"), droppableField).orElse(0L);
    return Optional.of(Math.max(0, limit.get() - Math.max(0, usage.get() - droppable)));
  }

  /** Empty where the file is missing or says {@code max}. */
  private static Optional<Long> number(Path file) {
    return lines(file).stream().findFirst().flatMap(AvailableMemory::parse);
  }

  private static Optional<Long> field(Path file, String name) {
    return lines(file).stream()
        .map(line -> line.split("\\s+"))
        .filter(parts -> parts.length >= 2 && parts[0].equals(name))
        .findFirst()
        .flatMap(parts -> parse(parts[1]));
  }

  private static Optional<Long> parse(String text) {
    try {
      return Optional.of(Long.parseLong(text.strip()));
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      return List.of();
    }
  }
}
