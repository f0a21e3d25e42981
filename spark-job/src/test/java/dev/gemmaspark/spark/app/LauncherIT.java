package dev.gemmaspark.spark.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
  void everyOptionOfSparkSubmitReachesItInBothSpellings() throws Exception {
    Path home = Files.createDirectories(folder.resolve("spark"));
    script(home.resolve("bin/spark-submit"), "printf '%s\\n' \"$@\"");
    List<String> options = sparkOptions();
    assertThat(options).hasSizeGreaterThan(20).contains("--jars", "--queue", "-c");
    List<String> arguments = new ArrayList<>(List.of("summarize", "--input", "in"));
    List<String> expected = new ArrayList<>();
    for (String option : options) {
      arguments.addAll(List.of(option, "a=1"));
      expected.addAll(List.of(option, "a=1"));
      if (option.startsWith("--")) {
        arguments.add(option + "=b=2");
        expected.addAll(List.of(option, "b=2"));
      }
    }
    arguments.addAll(List.of("--supervise", "--output=out"));
    Run run = run(Map.of("SPARK_HOME", home.toString()), arguments.toArray(String[]::new));
    assertThat(run.code).as(run.err).isZero();
    assertThat(run.out.lines().toList()).containsSubsequence(expected).containsSubsequence("--supervise", "--class", "--input", "in", "--output=out");
    assertThat(run(Map.of("SPARK_HOME", home.toString()), "summarize", "--queue=").err).isEqualTo("--queue needs a value\n");
  }

  /** Those with a value, as this Spark has them, but for those that are not for jobs of ours. */
  private static List<String> sparkOptions() throws ReflectiveOperationException {
    Class<?> parser = Class.forName("org.apache.spark.launcher.SparkSubmitOptionParser");
    Constructor<?> constructor = parser.getDeclaredConstructor();
    constructor.setAccessible(true);
    Field options = parser.getDeclaredField("opts");
    options.setAccessible(true);
    return Arrays.stream((String[][]) options.get(constructor.newInstance()))
        .flatMap(Arrays::stream)
        .filter(option -> !Set.of("--class", "--kill", "--status", "--remote").contains(option))
        .toList();
  }

  @Test
  void aSparkOfSomebodyElsesIsAsQuiet() throws Exception {
    Path home = Files.createDirectories(folder.resolve("spark"));
    Files.createDirectory(home.resolve("jars"));
    for (String jar : Files.readString(Path.of("target/spark-classpath.txt")).strip().split(":")) {
      Files.createSymbolicLink(home.resolve("jars").resolve(Path.of(jar).getFileName()), Path.of(jar));
    }
    // as Spark's own scripts do it
    script(
        home.resolve("bin/spark-submit"),
        "command=()",
        "{ read -r _; while IFS= read -r -d '' part; do command+=(\"$part\"); done; } < <(\"$JAVA_HOME/bin/java\" -cp \"$SPARK_HOME/jars/*\""
            + " org.apache.spark.launcher.Main org.apache.spark.deploy.SparkSubmit \"$@\")",
        "exec \"${command[@]}\"");
    Files.createDirectories(home.resolve("conf"));
    String template =
        "rootLogger.level = info\nrootLogger.appenderRef.stdout.ref = console\nappender.console.type = Console\nappender.console.name = console\n"
            + "appender.console.target = SYSTEM_ERR\nappender.console.layout.type = PatternLayout\nappender.console.layout.pattern = %p %c{1}: %m%n\n";
    Files.writeString(home.resolve("conf/log4j2.properties"), template);
    Files.writeString(home.resolve("conf/log4j2.properties.template"), template);
    Run run =
        run(Map.of("SPARK_HOME", home.toString(), "SPARK_SCALA_VERSION", "2.13"), "answer", "--master", "local[1]", "--documents", folder.resolve("none").toString(),
            "--questions", "conf/demo/questions.parquet", "--output", folder.resolve("out").toString());
    assertThat(run.code).as(run.err).isEqualTo(2);
    assertThat(run.err).isEqualTo("There are no documents at " + folder.resolve("none") + "; check --documents\n");
  }

  private static void script(Path file, String... lines) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, "#!/usr/bin/env bash\nset -eu\n" + String.join("\n", lines) + "\n");
    assertThat(file.toFile().setExecutable(true)).isTrue();
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
    return run(Map.of(), arguments);
  }

  private Run run(Map<String, String> environment, String... arguments) throws IOException, InterruptedException {
    Path project = Path.of("").toAbsolutePath().getParent();
    List<String> command = new ArrayList<>(List.of("deploy/bin/gemma-submit"));
    command.addAll(List.of(arguments));
    Path out = folder.resolve("stdout");
    Path err = folder.resolve("stderr");
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(project.toFile()).redirectOutput(out.toFile()).redirectError(err.toFile());
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().put("SPARK_SUBMIT_OPTS", "-Duser.language=" + System.getProperty("user.language") + " -Duser.country=" + System.getProperty("user.country", ""));
    builder.environment().putAll(environment);
    int code = builder.start().waitFor();
    return new Run(code, Files.readString(out, StandardCharsets.UTF_8), Files.readString(err, StandardCharsets.UTF_8));
  }
}
