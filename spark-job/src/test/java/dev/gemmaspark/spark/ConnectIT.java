package dev.gemmaspark.spark;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.engine.generation.TextGenerator;
import dev.gemmaspark.spark.executor.ExecutorEngine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The SQL functions through Spark Connect: a server with a fake engine that counts, and a client that knows nothing of this project. */
class ConnectIT {
  private static final Path TARGET = Path.of("target").toAbsolutePath();

  /** A query, how often it calls the model, and how many rows it gives. */
  private record Shape(String query, int calls, int rows) {}

  private static final List<Shape> SHAPES =
      List.of(
          new Shape("SELECT id, gemma_summarize(body) s FROM docs", 180, 200),
          new Shape("SELECT id, s FROM (SELECT id, gemma_summarize(body) s FROM docs) WHERE id < 5", 5, 5),
          new Shape("SELECT count(*) FROM (SELECT gemma_summarize(body) FROM docs)", 0, 1),
          new Shape("SELECT gemma_summarize(body), gemma_generate(body) FROM docs WHERE id < 5", 10, 5),
          new Shape("SELECT id FROM docs WHERE lang = 'en' AND gemma_generate(body) = '[doc4]' AND id < 20", 10, 1),
          new Shape("SELECT CASE WHEN id < 3 THEN gemma_generate(body) ELSE 'no' END FROM docs WHERE id < 10", 3, 10),
          new Shape("SELECT grp, gemma_summarize(concat_ws(' ', sort_array(collect_list(body)))) FROM docs GROUP BY grp", 4, 4),
          new Shape("WITH s AS (SELECT id, gemma_generate(body) g FROM docs WHERE id < 5) SELECT g FROM s", 5, 5),
          new Shape("SELECT a.id FROM docs a JOIN docs b ON gemma_generate(a.body) = concat('[', b.body, ']') WHERE a.id < 5", 5, 5),
          new Shape("SELECT gemma_answer(body, array('a', 'b'), seed => grp) FROM docs WHERE id < 12", 11, 12),
          new Shape("SELECT gemma_generate(body, failOnError => false).result FROM docs WHERE id < 3 ORDER BY id DESC", 3, 3));

  @TempDir Path folder;

  /** The server: Spark's own, on our engine's place a fake that adds a line to a file for every call. */
  public static final class Server {
    public static void main(String[] arguments) throws Exception {
      Path calls = Path.of(arguments[0]);
      CountingGenerator fake = new CountingGenerator();
      TextGenerator counting =
          request -> {
            write(calls);
            return fake.submit(request);
          };
      ExecutorEngine.replaceFactory(settings -> counting);
      Class.forName("org.apache.spark.sql.connect.service.SparkConnectServer").getMethod("main", String[].class).invoke(null, (Object) new String[0]);
    }

    private static synchronized void write(Path calls) {
      try {
        Files.writeString(calls, "call\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** The client: prints for each query how often the model was called and what came back. */
  public static final class Client {
    public static void main(String[] arguments) throws IOException {
      Path calls = Path.of(arguments[1]);
      SparkSession spark = SparkSession.builder().remote(arguments[0]).getOrCreate();
      spark.sql(
          "CREATE TEMPORARY VIEW docs AS SELECT cast(id AS INT) id, if(id % 10 = 9, NULL, 'doc' || id) body, if(id % 2 = 0, 'en', 'de') lang,"
              + " cast(id % 4 AS INT) grp FROM range(0, 200, 1, 1)");
      for (String query : Arrays.asList(arguments).subList(2, arguments.length)) {
        int before = count(calls);
        List<Row> rows = spark.sql(query).collectAsList();
        System.out.println(count(calls) - before + " " + rows.size() + " " + rows.getFirst());
      }
      spark.close();
    }

    private static int count(Path calls) throws IOException {
      return Files.exists(calls) ? Files.readAllLines(calls).size() : 0;
    }
  }

  @Test
  void queriesOfAClientCallTheModelAsOftenAsTheyMust() throws Exception {
    String port;
    try (ServerSocket socket = new ServerSocket(0)) {
      port = "" + socket.getLocalPort();
    }
    Path calls = folder.resolve("calls");
    Process server =
        java(
            "server",
            Stream.of(
                "-Dspark.master=local[2]", "-Dspark.app.name=connect", "-Dspark.ui.enabled=false", "-Dspark.driver.host=127.0.0.1",
                "-Dspark.driver.bindAddress=127.0.0.1", "-Dspark.connect.grpc.binding.port=" + port, "-Dspark.sql.shuffle.partitions=3"),
            Stream.concat(jars("server"), Stream.of(System.getProperty("java.class.path"))),
            Server.class,
            List.of(calls.toString()));
    try {
      awaitPort(server, Integer.parseInt(port));
      List<String> arguments = new ArrayList<>(List.of("sc://127.0.0.1:" + port, calls.toString()));
      SHAPES.forEach(shape -> arguments.add(shape.query));
      // what of Spark's own a client has; the project's classes are not among it but for this one
      Stream<String> classPath =
          Stream.of(System.getProperty("java.class.path").split(":"))
              .filter(entry -> !entry.matches(".*/(spark-(core|sql|catalyst|mllib)_[^/]*|gemma[^/]*\\.jar|classes)") && !entry.contains("/hadoop-"));
      Process client = java("client", Stream.of(), Stream.concat(jars("client"), classPath), Client.class, arguments);
      assertThat(client.waitFor()).as(Files.readString(folder.resolve("client.err"))).isZero();
    } finally {
      server.destroyForcibly().waitFor();
    }
    List<String> lines = Files.readAllLines(folder.resolve("client.out"));
    assertThat(lines).hasSize(SHAPES.size());
    for (int i = 0; i < lines.size(); i++) {
      assertThat(lines.get(i)).as(SHAPES.get(i).query).startsWith(SHAPES.get(i).calls + " " + SHAPES.get(i).rows + " ");
    }
    assertThat(lines.getFirst()).endsWith("[0,[doc0]]");
    assertThat(lines.getLast()).endsWith("[[doc2]]");
  }

  private Process java(String name, Stream<String> options, Stream<String> classPath, Class<?> main, List<String> arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    // the module options and the language that this JVM was started with
    java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(option -> option.startsWith("--") || option.startsWith("-Duser."))
        .forEach(command::add);
    options.forEach(command::add);
    command.addAll(List.of("-cp", String.join(":", classPath.toList()), main.getName()));
    command.addAll(arguments);
    return new ProcessBuilder(command)
        .redirectOutput(folder.resolve(name + ".out").toFile())
        .redirectError(folder.resolve(name + ".err").toFile())
        .start();
  }

  private static Stream<String> jars(String name) throws IOException {
    try (Stream<Path> files = Files.list(TARGET.resolve("connect").resolve(name))) {
      return files.map(Path::toString).toList().stream();
    }
  }

  private void awaitPort(Process server, int port) throws Exception {
    for (int i = 0; i < 600; i++) {
      assertThat(server.isAlive()).as(Files.readString(folder.resolve("server.err"), StandardCharsets.UTF_8)).isTrue();
      try {
        new Socket("127.0.0.1", port).close();
        return;
      } catch (IOException e) {
        Thread.sleep(100);
      }
    }
    throw new AssertionError("no server at port " + port);
  }
}
