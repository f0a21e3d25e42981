package dev.gemmaspark.spark.app;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * A place on a file system, by whatever name: with links followed, and a scheme, an authority or a port that is left out filled in.
 *
 * @param store the file system
 * @param names of the folders from its root on
 */
record Apart(String store, List<String> names) {
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
      if (!source.store.equals(target.store)) {
        continue;
      }
      int common = Math.min(source.names.size(), target.names.size());
      if (source.names.subList(0, common).equals(target.names.subList(0, common))) {
        int depth = Integer.compare(source.names.size(), target.names.size());
        throw new UsageException(
            String.format(
                Locale.ROOT,
                depth == 0 ? "%1$s and %3$s are the same, %4$s; name another %3$s" : depth > 0 ? "%1$s %2$s is within %3$s %4$s; name another %3$s" : "%3$s %4$s is within %1$s %2$s; name another %3$s",
                reading, path, writing, written));
      }
    }
  }

  private static List<Path> matches(Configuration hadoop, Path path) throws IOException {
    List<Path> all = new ArrayList<>(List.of(path));
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
    while (!there.isRoot() && !fileSystem.exists(there)) {
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
