package dev.gemmaspark.spark.rag;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FilterFileSystem;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShardFilesTest {
  @TempDir Path folder;

  private Path packed() throws IOException {
    Path built = folder.resolve("built");
    try (Shard.Writer writer = new Shard.Writer(built, new PassageAnalyzer(Language.ENGLISH))) {
      writer.add(new Shard.TitledPassage(new Passage("1", "d", 0, 0, 4, "", "lamp", 1), "t"));
    }
    Path zip = folder.resolve("shard-00000-x.zip");
    try (OutputStream out = Files.newOutputStream(zip)) {
      ShardFiles.pack(built, out);
    }
    return zip;
  }

  @Test
  void aCopyThatIsNotWholeIsMadeAnew() throws Exception {
    org.apache.hadoop.fs.Path file = new org.apache.hadoop.fs.Path(packed().toUri());
    Path cache = folder.resolve("cache");
    FileSystem local = FileSystem.getLocal(new Configuration());
    ShardFiles.open(local, file, cache).close();
    Files.delete(cache.resolve("index/shard-00000-x/segments_1"));
    try (Shard shard = ShardFiles.open(local, file, cache)) {
      assertThat(shard.passages()).isOne();
    }
    try (Stream<Path> left = Files.list(cache.resolve("index"))) {
      assertThat(left).containsExactly(cache.resolve("index/shard-00000-x"));
    }
  }

  @Test
  void whoOfTwoIsSlowerToCopyAShardGoesOnWithTheOthersFiles() throws Exception {
    Path zip = packed();
    Path cache = folder.resolve("cache");
    org.apache.hadoop.fs.Path file = new org.apache.hadoop.fs.Path(zip.toUri());
    FileSystem local = FileSystem.getLocal(new Configuration());
    // while the one reads the file, the other does all of it
    FileSystem slow =
        new FilterFileSystem(local) {
          @Override
          public FSDataInputStream open(org.apache.hadoop.fs.Path path, int bufferBytes) throws IOException {
            try (Shard faster = ShardFiles.open(local, path, cache)) {
              assertThat(faster.passages()).isOne();
            }
            return super.open(path, bufferBytes);
          }
        };
    try (Shard shard = ShardFiles.open(slow, file, cache)) {
      assertThat(shard.passages()).isOne();
    }
    try (Stream<Path> left = Files.list(cache.resolve("index"))) {
      assertThat(left).containsExactly(cache.resolve("index/shard-00000-x"));
    }
  }
}
