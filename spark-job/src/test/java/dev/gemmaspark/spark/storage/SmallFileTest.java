package dev.gemmaspark.spark.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FilterFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SmallFileTest {
  @TempDir Path folder;
  private FileSystem local;
  private org.apache.hadoop.fs.Path path;

  @BeforeEach
  void open() throws IOException {
    local = FileSystem.getLocal(new Configuration());
    path = new org.apache.hadoop.fs.Path(folder.resolve("run.json").toString());
  }

  /** A process that ends before its nth change of files; and that cannot rename onto a file, as HDFS cannot. */
  private final class Killed extends FilterFileSystem {
    private int left;

    Killed(int changes) {
      super(SmallFile.unchecked(local));
      left = changes;
    }

    private void change() throws IOException {
      if (left-- <= 0) {
        throw new IOException("killed");
      }
    }

    @Override
    public FSDataOutputStream create(
        org.apache.hadoop.fs.Path file, FsPermission permission, boolean overwrite, int buffer, short replication, long block, Progressable progress)
        throws IOException {
      change();
      FSDataOutputStream out = super.create(file, permission, overwrite, buffer, replication, block, progress);
      if (left <= 0) {
        // half of it is written
        out.write('{');
        out.close();
        change();
      }
      return out;
    }

    @Override
    public boolean rename(org.apache.hadoop.fs.Path from, org.apache.hadoop.fs.Path to) throws IOException {
      change();
      return !exists(to) && super.rename(from, to);
    }

    @Override
    public boolean delete(org.apache.hadoop.fs.Path file, boolean recursive) throws IOException {
      change();
      return super.delete(file, recursive);
    }
  }

  @Test
  void aWriterThatIsKilledAnywhereLeavesTheOldOrTheNew() throws IOException {
    SmallFile file = new SmallFile(local, path);
    boolean ended = false;
    for (int changes = 0; !ended; changes++) {
      file.delete();
      String before = changes % 2 == 0 ? null : "old";
      if (before != null) {
        file.write(before.getBytes(StandardCharsets.UTF_8));
      }
      try {
        new SmallFile(new Killed(changes / 2), path).write("new".getBytes(StandardCharsets.UTF_8));
        ended = before != null;
        assertThat(text()).isEqualTo("new");
      } catch (IOException e) {
        assertThat(e).hasMessage("killed");
        assertThat(text()).isIn("new", before);
      }
      assertThat(file.exists()).isEqualTo(text() != null);
      file.write("newer".getBytes(StandardCharsets.UTF_8));
      assertThat(text()).isEqualTo("newer");
      try (Stream<Path> files = Files.list(folder)) {
        assertThat(files).containsExactly(folder.resolve("run.json"));
      }
    }
  }

  @Test
  void aRenameThatDoesNothingIsAnError() {
    FileSystem refusing =
        new FilterFileSystem(SmallFile.unchecked(local)) {
          @Override
          public boolean rename(org.apache.hadoop.fs.Path from, org.apache.hadoop.fs.Path to) {
            return false;
          }
        };
    assertThatThrownBy(() -> new SmallFile(refusing, path).write(new byte[1])).isInstanceOf(IOException.class).hasMessageContaining("cannot rename");
  }

  @Test
  void aReaderNeverFindsNothingWhileItIsWritten() throws Exception {
    SmallFile file = new SmallFile(local, path);
    file.write("0".repeat(1000).getBytes(StandardCharsets.UTF_8));
    Thread writer =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    for (int i = 0; i < 300; i++) {
                      file.write(("" + i % 10).repeat(1000).getBytes(StandardCharsets.UTF_8));
                    }
                  } catch (IOException e) {
                    throw new IllegalStateException(e);
                  }
                });
    SmallFile reader = new SmallFile(local, path);
    while (writer.isAlive()) {
      String text = new String(reader.read().orElseThrow(), StandardCharsets.UTF_8);
      assertThat(text).matches("(.)\\1{999}");
    }
    assertThat(text()).isEqualTo("9".repeat(1000));
  }

  private String text() throws IOException {
    return new SmallFile(local, path).read().map(bytes -> new String(bytes, StandardCharsets.UTF_8)).orElse(null);
  }
}
