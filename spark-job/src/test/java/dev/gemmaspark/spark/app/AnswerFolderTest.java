package dev.gemmaspark.spark.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.spark.storage.FolderLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FilterFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where answers are, if the run ends at any of the moments at which it changes something there. */
class AnswerFolderTest {
  @TempDir Path folder;
  private SparkSession spark;
  private FolderLock lock;

  /** Ends the run at one of its changes. */
  private static final class EndingFileSystem extends FilterFileSystem {
    private int left;

    EndingFileSystem(int changes) throws IOException {
      super(FileSystem.getLocal(new Configuration()));
      left = changes;
    }

    private void change() throws IOException {
      if (left-- <= 0) {
        throw new IOException("the run ends here");
      }
    }

    @Override
    public boolean delete(org.apache.hadoop.fs.Path path, boolean recursive) throws IOException {
      change();
      return super.delete(path, recursive);
    }

    @Override
    public boolean rename(org.apache.hadoop.fs.Path from, org.apache.hadoop.fs.Path to) throws IOException {
      change();
      return super.rename(from, to);
    }

    @Override
    public FSDataOutputStream create(
        org.apache.hadoop.fs.Path path, FsPermission permission, boolean overwrite, int bufferBytes, short replication, long blockBytes, Progressable progress)
        throws IOException {
      change();
      return super.create(path, permission, overwrite, bufferBytes, replication, blockBytes, progress);
    }
  }

  @BeforeEach
  void start() {
    LocalApplication.configure(folder.resolve("cache"));
    spark = SparkSession.builder().getOrCreate();
  }

  @AfterEach
  void stop() throws IOException {
    release();
    spark.stop();
    LocalApplication.clear();
  }

  private AnswerFolder open(Path place, int changes, String run) throws IOException {
    release();
    org.apache.hadoop.fs.Path path = new org.apache.hadoop.fs.Path(place.toUri());
    lock = FolderLock.acquire(FileSystem.getLocal(new Configuration()), path, "answer", run);
    return new AnswerFolder(spark, new EndingFileSystem(changes), path, lock);
  }

  private void release() throws IOException {
    if (lock != null) {
      lock.close();
    }
  }

  private Dataset<Row> rows(String sql) {
    return spark.sql("SELECT * FROM VALUES " + sql).repartition(2);
  }

  private static List<String> names(Dataset<Row> rows) {
    return rows.collectAsList().stream().map(row -> row.getString(0)).sorted().toList();
  }

  @Test
  void answersAreThoseOfOneRunWhereverAnotherIsKilled() throws IOException {
    int crashes = 0;
    boolean killed = true;
    while (killed) {
      Path place = Files.createDirectory(folder.resolve("answers" + crashes));
      open(place, 100, "first").write(rows("('a'), ('b'), ('c') AS t(question_id)"));
      try {
        AnswerFolder second = open(place, crashes, "second");
        second.write(rows("('d'), ('e') AS t(question_id)"));
        second.succeed(Map.of());
        killed = false;
      } catch (IOException e) {
        assertThat(e).hasMessage("the run ends here");
        assertThat(place.resolve("_SUCCESS")).doesNotExist();
      }
      AnswerFolder third = open(place, 100, "third");
      third.recover();
      assertThat(names(third.answers())).as("%d changes", crashes).containsExactly("d", "e");
      third.succeed(Map.of());
      try (Stream<Path> files = Files.list(place)) {
        assertThat(files.map(file -> file.getFileName().toString()).filter(name -> name.startsWith("_")))
            .containsExactlyInAnyOrder("_SUCCESS", "_gemma_answers.json", "_gemma_lock");
      }
      crashes++;
    }
    assertThat(crashes).isGreaterThan(5);
  }

  @Test
  void answersOfARunThatWasKilledBeforeTheyWereWholeAreRemoved() throws IOException {
    Path place = Files.createDirectory(folder.resolve("half"));
    open(place, 100, "first").write(rows("('a'), ('b') AS t(question_id)"));
    rows("('x') AS t(question_id)").write().parquet(place.resolve("_gemma_new-second").toString());
    Files.delete(place.resolve("_gemma_new-second/_SUCCESS"));
    AnswerFolder third = open(place, 100, "third");
    third.recover();
    assertThat(names(third.answers())).containsExactly("a", "b");
    assertThat(place.resolve("_gemma_new-second")).doesNotExist();
  }

  @Test
  void whatTheModelSaidIsNotLostWhereverARunIsKilledThatDropsWhatIsOfNoUse() throws IOException {
    int crashes = 0;
    boolean killed = true;
    while (killed) {
      Path place = Files.createDirectory(folder.resolve("said" + crashes));
      rows("('a', 'A', NULL), ('b', 'B', NULL), ('c', 'C', NULL), ('x', NULL, 'failed') AS t(key, said, error)").write().parquet(place.resolve("_gemma_said").toString());
      try {
        open(place, crashes, "second").keep(rows("('a'), ('c'), ('n'), (NULL) AS t(key)"));
        killed = false;
      } catch (IOException e) {
        assertThat(e).hasMessage("the run ends here");
      }
      AnswerFolder third = open(place, 100, "third");
      third.recover();
      assertThat(names(third.said().where("error IS NULL").select("key").distinct())).as("%d changes", crashes).contains("a", "c");
      third.keep(rows("('a'), ('c'), ('n'), (NULL) AS t(key)"));
      assertThat(names(third.said().select("key"))).containsExactly("a", "c");
      assertThat(place.resolve("_gemma_used-second")).doesNotExist();
      crashes++;
    }
    assertThat(crashes).isGreaterThan(3);
  }

  @Test
  void aStreamAndOtherAnswersDoNotMix() throws IOException {
    Path place = Files.createDirectory(folder.resolve("mixed"));
    AnswerFolder first = open(place, 100, "first");
    first.requireStream();
    first.write(rows("('a') AS t(question_id)"));
    first.succeed(Map.of());
    assertThatThrownBy(first::requireStream).isInstanceOf(UsageException.class).hasMessageContaining("without --stream");
  }
}
