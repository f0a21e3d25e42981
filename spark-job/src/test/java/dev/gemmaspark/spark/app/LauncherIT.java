package dev.gemmaspark.spark.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code deploy/bin/gemma-submit} with the jar that the build made, in a process of its own. */
class LauncherIT {
  @TempDir Path folder;

  @Test
  void helpNamesTheApplicationsAndTheirOptions() throws Exception {
    Run help = run("--help");
    assertThat(help.code).isZero();
    assertThat(help.out).contains("summarize");
    Run application = run("summarize", "--help");
    assertThat(application.code).isZero();
    assertThat(application.out).contains("--text-column").contains("--style");
  }

  @Test
  void wrongUsageIsSaidBeforeSparkStarts() throws Exception {
    Run unknown = run("sumarize", "--input", "x");
    assertThat(unknown.code).isEqualTo(2);
    assertThat(unknown.err).contains("sumarize");
    Run noValue = run("summarize", "--master");
    assertThat(noValue.code).isEqualTo(2);
    assertThat(noValue.err).isEqualTo("--master needs a value\n");
  }

  @Test
  void whatTheDriverFindsIsOneLineAndExitCodeTwo() throws Exception {
    Run run =
        run("summarize", "--master", "local[1]", "--input", "conf/demo/documents.parquet", "--text-column", "text",
            "--output", folder.resolve("out").toString());
    assertThat(run.code).as(run.err).isEqualTo(2);
    assertThat(run.err.strip().lines()).hasSize(1);
    assertThat(run.err).contains("no column 'text' (--text-column); its columns are id, title, body");
    assertThat(folder.resolve("out")).doesNotExist();
  }

  @Test
  void anUnknownSettingIsRefused() throws Exception {
    Run run =
        run("summarize", "--conf", "spark.gemma.modle=x", "--input", "conf/demo/documents.parquet", "--text-column", "body",
            "--output", folder.resolve("out").toString());
    assertThat(run.code).as(run.err).isEqualTo(2);
    assertThat(run.err).contains("spark.gemma.modle").contains("spark.gemma.model");
  }

  @Test
  void aJobInAProcessOfItsOwn() throws Exception {
    Path input = Files.writeString(folder.resolve("in.jsonl"), "{\"t\": \"A short report.\"}\n{\"t\": \"Another one.\"}\n");
    Run run =
        run("summarize", "--master=local[2]", "--conf", "spark.gemma.model.cacheDir=" + folder.resolve("cache"), "--input",
            input.toString(), "--format", "json", "--text-column", "t", "--output", folder.resolve("out").toString(),
            "--max-tokens", "5");
    assertThat(run.code).as(run.err).isZero();
    assertThat(run.err).contains("2 rows, 0 failed").doesNotContain("INFO").doesNotContain("\tat ");
    assertThat(folder.resolve("out/_SUCCESS")).exists();
  }

  @Test
  void theShellHasASessionAndTheFunctions() throws Exception {
    Path commands =
        Files.writeString(
            folder.resolve("commands"),
            """
            spark.sql("SELECT id, gemma_summarize(body) s FROM docs WHERE id = 0").collectAsList().forEach(row -> System.out.println("ROW " + row))
            spark.table("docs").limit(1).select(GemmaFunctions.countTokens(col("body"))).collectAsList().forEach(row -> System.out.println("ROW " + row))
            spark.stop()
            /exit
            """);
    Path out = folder.resolve("stdout");
    ProcessBuilder builder =
        new ProcessBuilder(
                "deploy/notebook/shell.sh", "-Dspark.ui.enabled=false", "-Dspark.driver.bindAddress=127.0.0.1", "-Dspark.driver.host=127.0.0.1",
                "-Dspark.gemma.model.cacheDir=" + folder.resolve("cache"))
            .directory(Path.of("").toAbsolutePath().getParent().toFile())
            .redirectInput(commands.toFile())
            .redirectOutput(out.toFile())
            .redirectError(folder.resolve("stderr").toFile());
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    assertThat(builder.start().waitFor()).isZero();
    assertThat(Files.readString(out))
        .contains("ROW [0,On 17 January 2024 the catalog service in eu-west returned HTTP 503 errors")
        .containsPattern("ROW \\[[0-9]+]");
  }

  private record Run(int code, String out, String err) {}

  private Run run(String... arguments) throws IOException, InterruptedException {
    Path project = Path.of("").toAbsolutePath().getParent();
    List<String> command = new ArrayList<>(List.of("deploy/bin/gemma-submit"));
    command.addAll(List.of(arguments));
    Path out = folder.resolve("stdout");
    Path err = folder.resolve("stderr");
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(project.toFile()).redirectOutput(out.toFile()).redirectError(err.toFile());
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    int code = builder.start().waitFor();
    return new Run(code, Files.readString(out, StandardCharsets.UTF_8), Files.readString(err, StandardCharsets.UTF_8));
  }
}
