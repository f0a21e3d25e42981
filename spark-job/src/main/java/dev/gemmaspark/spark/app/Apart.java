package dev.gemmaspark.spark.app;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.GlobExpander;
import org.apache.hadoop.fs.GlobFilter;
import org.apache.hadoop.fs.Path;

/**
 * A place on a file system, by whatever name: with links followed, and a scheme, an authority or a port that is left out filled in.
 *
 * @param store the file system
 * @param names of the folders from its root on; some may be patterns, which stand for files that are there and those that will be
 */
record Apart(String store, List<String> names) {
  private static final Pattern PATTERN = Pattern.compile("[*?{\\[\\\\]");

  /**
   * Fails where what is written would be in what is read, or the other way round.
   *
   * @param reading the option with what is read, which may be a pattern
   * @param writing the option with the folder that is written
   * @throws UsageException if so
   */
  static void require(Configuration hadoop, String reading, String read, String writing, String written) throws IOException {
    Apart target = of(hadoop, new Path(written));
    for (Path path : matches(hadoop, new Path(read))) {
      Apart source = of(hadoop, path);
      if (source.contains(target)) {
        int depth = Integer.compare(source.names.size(), target.names.size());
        throw new UsageException(
            String.format(
                Locale.ROOT,
                depth == 0 && !isPattern(path.toString()) ? "%1$s and %3$s are the same, %4$s; name another %3$s" : depth > 0 ? "%1$s %2$s is within %3$s %4$s; name another %3$s" : "%3$s %4$s is within %1$s %2$s; name another %3$s",
                reading, path, writing, written));
      }
    }
  }

  /** Whether one is within the other, or both are the same. */
  private boolean contains(Apart target) throws IOException {
    boolean contains = store.equals(target.store);
    for (int i = 0; contains && i < Math.min(names.size(), target.names.size()); i++) {
      String name = target.names.get(i);
      contains = names.get(i).equals(name) || (isPattern(names.get(i)) && new GlobFilter(names.get(i)).accept(new Path(Path.SEPARATOR, name)));
    }
    return contains;
  }

  private static boolean isPattern(String name) {
    return PATTERN.matcher(name).find();
  }

  private static List<Path> matches(Configuration hadoop, Path path) throws IOException {
    List<Path> all = new ArrayList<>();
    for (String each : GlobExpander.expand(path.toString())) {
      all.add(new Path(each));
    }
    FileStatus[] found = path.getFileSystem(hadoop).globStatus(path);
    if (found != null) {
      Arrays.stream(found).map(FileStatus::getPath).forEach(all::add);
    }
    return all;
  }

  private static Apart of(Configuration hadoop, Path path) throws IOException {
    FileSystem fileSystem = path.getFileSystem(hadoop);
    Path there = fileSystem.makeQualified(path);
    List<String> names = new ArrayList<>();
    while (!there.isRoot() && (isPattern(there.toString()) || !fileSystem.exists(there))) {
      names.addFirst(there.getName());
      there = there.getParent();
    }
    Path real = "file".equals(there.toUri().getScheme()) ? new Path("file", null, java.nio.file.Path.of(there.toUri().getPath()).toRealPath().toString()) : fileSystem.resolvePath(there);
    for (Path at = real; !at.isRoot(); at = at.getParent()) {
      names.addFirst(at.getName());
    }
    FileSystem store = real.getFileSystem(hadoop);
    String service = store.getCanonicalServiceName();
    return new Apart(service != null ? service : store.getUri().getScheme() + "://" + store.getUri().getAuthority(), names);
  }
}
