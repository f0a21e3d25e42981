package dev.gemmaspark.spark.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gemmaspark.spark.GemmaSparkPlugin;
import dev.gemmaspark.spark.executor.SuspectRows;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A master, two workers and the application, each in a process of its own; one executor is killed in the middle. */
class StandaloneClusterIT {
  private static final Path PROJECT = Path.of("").toAbsolutePath().getParent();

  @TempDir Path folder;
  private String port;

  @BeforeEach
  void start() throws Exception {
    try (ServerSocket socket = new ServerSocket(0)) {
      port = "" + socket.getLocalPort();
    }
    assertThat(process("deploy/standalone/cluster.sh", "start", "2", "1g").waitFor()).as(text("out")).isZero();
    assertThat(text("out")).isEqualTo("spark://127.0.0.1:" + port + "\n");
  }

  @AfterEach
  void stop() throws Exception {
    process("deploy/standalone/cluster.sh", "stop").waitFor();
  }

  @Test
  void anExecutorThatIsKilledCostsNoRowAndDoublesNone() throws Exception {
    Path output = folder.resolve("summaries");
    Process job =
        process(
            "deploy/bin/gemma-submit", "summarize", "--master", "spark://127.0.0.1:" + port, "--executor-memory", "700m", "--conf",
            "spark.gemma.model.cacheDir=" + folder.resolve("cache"), "--conf", "spark.ui.enabled=false", "--input", "conf/demo/documents.parquet",
            "--text-column", "body", "--id-column", "id", "--output", output.toString());
    Path report = output.resolve("_gemma_run.json");
    while (job.isAlive() && !(Files.exists(report) && Files.readString(report).contains("\"number\""))) {
      Thread.sleep(50);
    }
    List<ProcessHandle> executors = executors();
    assertThat(executors).isNotEmpty();
    executors.getFirst().destroyForcibly();
    assertThat(job.waitFor(120, TimeUnit.SECONDS)).isTrue();
    assertThat(job.exitValue()).as(text("err")).isZero();

    Map<Integer, String> expected = expected();
    List<Row> rows = read(output);
    assertThat(rows).extracting(row -> row.<Integer>getAs("id")).containsExactlyInAnyOrderElementsOf(expected.keySet());
    assertThat(rows).filteredOn(row -> expected.get(row.<Integer>getAs("id")).equals(row.getAs("summary"))).hasSizeGreaterThanOrEqualTo(196);
    assertThat(output.resolve("_SUCCESS")).exists();
    List<Path> logs = executorLogs();
    // the two, and the one that took the killed one's place
    assertThat(logs).hasSizeBetween(2, 3);
    for (Path log : logs) {
      assertThat(Files.readAllLines(log).stream().filter(line -> line.contains("parameters") && line.contains("opened in"))).as(log.toString()).hasSizeLessThanOrEqualTo(1);
    }
  }

  @Test
  void aModelThatIsSentWithTheJobIsFoundByItsName() throws Exception {
    Path model = Files.copy(PROJECT.resolve("engine/demo-model/gemma2-demo-q8_0.gguf"), folder.resolve("mine.gguf"));
    Path input = Files.writeString(folder.resolve("input.json"), "{\"body\": \"one\"}\n{\"body\": \"two\"}\n{\"body\": \"three\"}\n");
    Path output = folder.resolve("summaries");
    Process job =
        process(
            "deploy/bin/gemma-submit", "summarize", "--master", "spark://127.0.0.1:" + port, "--executor-memory", "700m", "--conf",
            "spark.gemma.model.cacheDir=" + folder.resolve("cache"), "--conf", "spark.ui.enabled=false", "--files", model.toString(), "--model",
            "mine.gguf", "--input", input.toString(), "--format", "json", "--text-column", "body", "--max-tokens", "4", "--output", output.toString());
    assertThat(job.waitFor(120, TimeUnit.SECONDS)).isTrue();
    assertThat(job.exitValue()).as(text("err")).isZero();
    assertThat(new ObjectMapper().readTree(output.resolve("_gemma_run.json").toFile()).at("/model").asText()).isEqualTo("mine.gguf");
  }

  /** Ends the JVM for one of its arguments. */
  public static final class Poison implements UDF1<Long, String> {
    private static final long serialVersionUID = 1L;

    @Override
    public String call(Long id) {
      if (id == 5) {
        Runtime.getRuntime().halt(3);
      }
      return "text " + id;
    }
  }

  @Test
  void aRowThatAlwaysEndsItsExecutorIsNamedAndLeftOutAndNoneBesideIt() throws Exception {
    Path poison = folder.resolve("poison.jar");
    String name = Poison.class.getName().replace('.', '/') + ".class";
    try (JarOutputStream jar = new JarOutputStream(Files.newOutputStream(poison))) {
      jar.putNextEntry(new ZipEntry(name));
      jar.write(Poison.class.getClassLoader().getResourceAsStream(name).readAllBytes());
    }
    try (SparkSession spark =
        local("spark://127.0.0.1:" + port)
            .config("spark.jars", PROJECT.resolve("spark-job/target/gemma-spark-job-0.1.0.jar") + "," + poison)
            .config("spark.plugins", GemmaSparkPlugin.class.getName())
            .config("spark.executor.memory", "700m")
            // both partitions in one executor
            .config("spark.executor.cores", "2")
            .config("spark.cores.max", "2")
            .config("spark.gemma.model.cacheDir", folder.resolve("cache").toString())
            .getOrCreate()) {
      spark.udf().register("poison", new Poison(), DataTypes.StringType);
      spark.sparkContext().setLocalProperty(SuspectRows.ID_COLUMN, "id");
      Dataset<Row> texts =
          spark.range(0, 8, 1, 2).selectExpr("id", "gemma_generate(poison(id), maxTokens => 2, failOnError => false) r").selectExpr("id", "r.*");
      List<Row> rows = texts.collectAsList();
      assertThat(rows).extracting(row -> row.getLong(0)).containsExactly(0L, 1L, 2L, 3L, 4L, 5L, 6L, 7L);
      assertThat(rows.get(5).getString(2)).isEqualTo("the executor died while it was doing row 1 of partition 1 (id = 5); it is left out");
      assertThat(rows).filteredOn(row -> row.getLong(0) != 5).allMatch(row -> !row.isNullAt(1) && row.isNullAt(2));
    }
  }

  private List<ProcessHandle> executors() {
    return ProcessHandle.allProcesses()
        .filter(handle -> handle.info().arguments().map(Arrays::asList).orElse(List.of()).stream().anyMatch(each -> each.endsWith("CoarseGrainedExecutorBackend")))
        .filter(handle -> handle.info().arguments().map(Arrays::asList).orElse(List.of()).stream().anyMatch(each -> each.contains(folder.toString()) || each.contains("127.0.0.1")))
        .toList();
  }

  private List<Path> executorLogs() throws IOException {
    try (Stream<Path> files = Files.walk(folder.resolve("cluster"))) {
      return files.filter(file -> file.endsWith("stderr")).toList();
    }
  }

  private Process process(String... command) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(PROJECT.toFile())
            .redirectOutput(folder.resolve("out").toFile())
            .redirectError(folder.resolve("err").toFile());
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().put("GEMMA_CLUSTER_DIR", folder.resolve("cluster").toString());
    builder.environment().put("GEMMA_CLUSTER_PORT", port);
    return builder.start();
  }

  private String text(String name) throws IOException {
    return Files.readString(folder.resolve(name));
  }

  private static SparkSession.Builder local(String master) {
    return SparkSession.builder()
        .master(master)
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1");
  }

  private static List<Row> read(Path output) throws IOException {
    try (SparkSession spark = local("local[1]").getOrCreate()) {
      return new ArrayList<>(spark.read().parquet(output.toString()).collectAsList());
    }
  }

  private static Map<Integer, String> expected() throws IOException {
    Map<Integer, String> expected = new HashMap<>();
    for (String line : Files.readAllLines(Path.of("src/test/resources/demo/expected.jsonl"))) {
      JsonNode node = new ObjectMapper().readTree(line);
      expected.put(node.get("id").asInt(), node.get("expected_q8_0").asText());
    }
    return expected;
  }
}
