package dev.gemmaspark.spark.app;

import static dev.gemmaspark.spark.app.LocalApplication.run;
import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.spark.app.LocalApplication.Run;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;

/** What streams write, where they write it, and what they take up. */
class StreamOutputTest extends SummarizeJobs {
  /** Spark makes the folder of its log, and the files of a batch, before the batch is committed. */
  @Test
  void aStreamThatWasKilledInItsFirstBatchIsStartedAgain() throws IOException {
    lines(input.resolve("a.jsonl"), 0, 10);
    Path killed = Files.createDirectories(folder.resolve("killed"));
    Files.createDirectory(killed.resolve("_spark_metadata"));
    Files.createFile(killed.resolve("part-00000-0a.snappy.parquet"));
    Path memory = Files.createDirectories(folder.resolve("checkpoint"));
    Files.writeString(memory.resolve("metadata"), "{\"id\":\"6f9619ff-8b86-d011-b42d-00c04fc964ff\"}");
    Run stream = stream(killed);
    assertThat(stream.code()).as(stream.text()).isZero();
    try (SparkSession spark = SparkSession.builder().getOrCreate()) {
      assertThat(spark.read().parquet(killed.toString()).count()).isEqualTo(10);
    }
  }

  @Test
  void quotesOfFilesThatComeToAStreamAreLookedAt() throws Exception {
    Files.writeString(input.resolve("a.csv"), "id,body\n1,one\n", StandardCharsets.UTF_8);
    String[] options = {
      "--input", input.toString(), "--format", "csv", "--text-column", "body", "--output", output.toString(), "--fail-threshold", "1", "--stream", "--checkpoint",
      folder.resolve("checkpoint").toString()
    };
    assertThat(run(new SummarizeApp(), options).code()).isZero();
    Files.writeString(input.resolve("b 1%.csv"), "id,body\n2,two\n3,\"three\n4,four\n", StandardCharsets.UTF_8);
    Files.writeString(input.resolve("c.csv"), "id,body\n5,\"five\n and more\"\n", StandardCharsets.UTF_8);
    Run run = run(new SummarizeApp(), options);
    assertThat(run.code()).as(run.text()).isZero();
    assertThat(errors()).hasSize(2).allMatch(error -> error.equals("Line 3 of file:" + input + "/b 1%.csv has a quote that is not closed where its value ends"));
    assertThat(engine.calls()).isEqualTo(2);
  }

  @Test
  void aStreamAndABatchDoNotShareAFolder() throws Exception {
    lines(input.resolve("a.jsonl"), 0, 10);
    summarize("--id-column", "id");
    Run stream = stream(output);
    assertThat(stream.text()).contains("was written by a job without --stream, and readers would not see both");
    assertThat(stream.code()).isEqualTo(2);
    Path other = folder.resolve("streamed");
    assertThat(stream(other).code()).isZero();
    for (String mode : List.of("append", "overwrite", "resume")) {
      Run batch = between(input.toString(), other.toString(), "--id-column", "id", "--mode", mode);
      assertThat(batch.text()).contains("was written with --stream, and " + (mode.equals("overwrite") ? "is not taken for old output" : "readers would not see both"));
      assertThat(batch.code()).isEqualTo(2);
    }
    assertThat(stream(other).code()).isZero();
  }

  @Test
  void rowsWithOtherColumnsAreNotPutBesideTheOld() throws Exception {
    lines(input.resolve("a.jsonl"), 0, 10);
    assertThat(summarize("--id-column", "id").code()).isZero();
    Path other = folder.resolve("streamed");
    assertThat(stream(other).code()).isZero();
    Files.writeString(input.resolve("b.jsonl"), "{\"id\": \"ten\", \"body\": \"text\"}\n");
    for (Run run : List.of(summarize("--id-column", "id", "--mode", "append"), stream(other))) {
      assertThat(run.text()).contains("The column 'id' is bigint in the output at ").contains(", and string in what this run would add");
      assertThat(run.code()).isEqualTo(2);
    }
  }

  @Test
  void aCheckpointGoesWithTheOutputThatItWasMadeFor() throws Exception {
    lines(input.resolve("a.jsonl"), 0, 10);
    assertThat(stream(output).code()).isZero();
    lines(input.resolve("b.jsonl"), 10, 12);
    Run elsewhere = stream(folder.resolve("other"));
    assertThat(elsewhere.text()).contains("checkpoint is of another output than " + folder.resolve("other") + "; name that one, or another --checkpoint").hasLineCount(1);
    assertThat(elsewhere.code()).isEqualTo(2);
    Files.move(folder.resolve("checkpoint"), folder.resolve("old"));
    // new, and then the one of another stream
    for (int i = 0; i < 2; i++) {
      Run without = stream(output);
      assertThat(without.text()).contains("The output at " + output + " was written with another checkpoint than ").hasLineCount(1);
      assertThat(without.code()).isEqualTo(2);
      if (i == 0) {
        assertThat(stream(folder.resolve("other")).code()).isZero();
      }
    }
    FileSystem.getLocal(new Configuration()).delete(new org.apache.hadoop.fs.Path(folder.resolve("checkpoint").toString()), true);
    Files.move(folder.resolve("old"), folder.resolve("checkpoint"));
    assertThat(stream(output).code()).isZero();
    assertThat(ids()).isEqualTo(IntStream.range(0, 12).boxed().toList());
  }

  @Test
  void aStreamWithoutAFileSaysWhatItLacks() {
    Run run = stream(output);
    assertThat(run.text()).contains("There is no file at " + input + " that says which columns there are").hasLineCount(1);
    assertThat(run.code()).isEqualTo(2);
  }

  @Test
  void aStreamWhoseRowsFailEnds() throws Exception {
    Files.writeString(input.resolve("a.jsonl"), "{\"id\": 1, \"body\": \"BAD\"}\n{\"id\": 2, \"body\": \"good\"}\n");
    Run run = stream(output);
    assertThat(run.text()).contains("1 of 2 rows of batch 0 failed, more than --fail-threshold 0.05");
    assertThat(run.code()).isEqualTo(1);
  }
}
