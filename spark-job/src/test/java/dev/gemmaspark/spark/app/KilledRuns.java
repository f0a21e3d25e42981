package dev.gemmaspark.spark.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.FinishReason;
import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.GenerationResult;
import dev.gemmaspark.engine.generation.TokenUsage;
import dev.gemmaspark.spark.CountingGenerator;
import dev.gemmaspark.spark.executor.ExecutorEngine;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.spi.ToolProvider;

/**
 * Runs an application in JVMs of their own, and ends them with SIGKILL: every other one before a change to its files that is drawn by lot, so
 * that commits are met as often as work, the others some time after the first change. {@code -Dgemma.kills=20} kills each application that
 * often, {@code -Dgemma.kills.seed=N} or {@code now} elsewhere; {@code target/killed/moments.txt} says where.
 */
final class KilledRuns {
  static final String AT_WORK = "AT WORK";
  static final String AT_THE_PLACE = "AT THE PLACE";

  /** Before the name of what is changed next. */
  static final String CHANGE = "CHANGE ";

  private static final String DONE = "DONE";
  private static final int KILLS = Integer.getInteger("gemma.kills", 1);
  private static final String SEED_PROPERTY = System.getProperty("gemma.kills.seed", "1");
  private static final long SEED = SEED_PROPERTY.equals("now") ? System.nanoTime() : Long.parseLong(SEED_PROPERTY);
  private static final long MOST_SECONDS = 120;
  private static final int SIGKILLED = 128 + 9;

  private static final Path JARS = Path.of("target", "killed").toAbsolutePath();
  private static final Path ARCHIVE = JARS.resolve("classes.jsa");
  private static final String CLASS_PATH = classPath();

  private final Class<? extends Application> application;
  private final Path folder;
  private final Random random = new Random(SEED);
  private End whole;
  private int begun;
  private int killed;

  /**
   * How a run ended.
   *
   * @param code of its process
   * @param changes of files that it made
   * @param nanos from the first of them to its end
   * @param last of its changes
   * @param text that it wrote
   */
  private record End(int code, boolean done, int changes, long nanos, String last, String text) {}

  /** @param folder of what the model was asked, and of caches and temporary files */
  KilledRuns(Class<? extends Application> application, Path folder) throws IOException {
    this.application = application;
    this.folder = Files.createDirectories(folder);
    Files.createDirectories(folder.resolve("tmp"));
  }

  /** The tests' own, with folders as jars, since classes of folders are not shared between JVMs. */
  private static String classPath() {
    JARS.toFile().mkdirs();
    List<String> entries = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
      if (Files.isDirectory(Path.of(entry))) {
        Path jar = JARS.resolve(entries.size() + ".jar");
        int code = ToolProvider.findFirst("jar").orElseThrow().run(System.out, System.err, "--create", "--file", jar.toString(), "-C", entry, ".");
        assertThat(code).as(entry).isZero();
        entries.add(jar.toString());
      } else {
        entries.add(entry);
      }
    }
    return String.join(File.pathSeparator, entries);
  }

  /** What an application does with a fake engine. */
  static final class Child {
    private static final long MILLIS_OF_AN_ANSWER = 30;

    private Child() {}

    /** @param arguments the application's class, before which change it waits to be killed, where to write down what the model is asked; its own */
    public static void main(String[] arguments) throws Exception {
      WatchedFiles.stopBefore(Integer.parseInt(arguments[1]));
      Path calls = Path.of(arguments[2]);
      ExecutorEngine.replaceFactory(settings -> request -> answer(request, calls));
      Application application = (Application) Class.forName(arguments[0]).getDeclaredConstructor().newInstance();
      PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
      int code = Application.execute(application, out, List.of(arguments).subList(3, arguments.length).toArray(String[]::new));
      out.println(DONE);
      Runtime.getRuntime().halt(code);
    }

    /** The first passage, cited; without passages, the last line. */
    private static CompletableFuture<GenerationResult> answer(GenerationRequest request, Path calls) {
      String prompt = CountingGenerator.text(request);
      String last = prompt.substring(prompt.lastIndexOf('\n') + 1);
      try {
        Files.writeString(calls, last + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      int passage = prompt.indexOf("[1] ");
      String text = passage < 0 ? last : prompt.substring(passage + 4, prompt.indexOf("\n\n", passage)) + " [1]";
      GenerationResult result = new Completion(text, FinishReason.STOP, new TokenUsage(20, 5, 0));
      return CompletableFuture.supplyAsync(() -> result, CompletableFuture.delayedExecutor(MILLIS_OF_AN_ANSWER, TimeUnit.MILLISECONDS));
    }
  }

  /** Runs to the end, which must be a good one. */
  void run(List<String> arguments) throws Exception {
    end(Integer.MAX_VALUE, -1, arguments);
  }

  /**
   * Runs undisturbed: the moments of the kills are spread over the time and the changes of this run.
   *
   * @param arguments by the folder that is written
   * @return that folder
   */
  Path measure(Function<Path, List<String>> arguments) throws Exception {
    if (!Files.exists(ARCHIVE)) {
      // later runs are faster than the one that writes it
      run(arguments.apply(folder.resolve("first")));
    }
    Path measured = folder.resolve("measured");
    whole = end(Integer.MAX_VALUE, -1, arguments.apply(measured));
    return measured;
  }

  private End end(int change, long millis, List<String> arguments) throws Exception {
    End end = start(change, millis, arguments);
    assertThat(end.done() && end.code() == 0 || end.code() == SIGKILLED).as(end.text()).isTrue();
    assertThat(end.done() || change < Integer.MAX_VALUE || millis >= 0).as(end.text()).isTrue();
    return end;
  }

  /** Whether there are kills to come. */
  boolean goOn() {
    return killed < KILLS;
  }

  /** Whether a run that was killed is to be followed by one that is not. */
  boolean isTimeToEnd() {
    return random.nextBoolean() || !goOn();
  }

  /** Runs until some moment, and kills; whether that was before its end. */
  boolean kill(List<String> arguments) throws Exception {
    boolean atAChange = begun++ % 2 == 0;
    int change = atAChange ? random.nextInt(whole.changes()) : Integer.MAX_VALUE;
    long millis = atAChange ? -1 : random.nextLong(whole.nanos() / 1_000_000);
    End end = end(change, millis, arguments);
    if (!end.done()) {
      killed++;
    }
    Files.writeString(
        JARS.resolve("moments.txt"),
        String.format(
            Locale.ROOT, "%s\t%s\t%s %d of %d\tat change %d: %s%n", application.getSimpleName(), end.done() ? "done before" : "killed", atAChange ? "change" : "ms",
            atAChange ? change : millis, atAChange ? whole.changes() : whole.nanos() / 1_000_000, end.changes(), end.last()),
        StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    return !end.done();
  }

  int killed() {
    return killed;
  }

  /** What the model was asked, in all runs: the last line of each prompt. */
  List<String> calls() throws IOException {
    Path calls = folder.resolve("calls");
    return Files.exists(calls) ? Files.readAllLines(calls) : List.of();
  }

  private End start(int change, long millis, List<String> arguments) throws Exception {
    Process process = new ProcessBuilder(command(change, arguments)).redirectErrorStream(true).directory(folder.toFile()).start();
    StringBuilder text = new StringBuilder(String.format(Locale.ROOT, "seed %d, to be killed at change %d or after %d ms%n", SEED, change, millis));
    boolean done = false;
    int changes = 0;
    String last = "";
    long begin = System.nanoTime();
    try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = out.readLine(); line != null; line = out.readLine()) {
        text.append(line).append('\n');
        if (line.startsWith(CHANGE)) {
          changes++;
          last = line.substring(CHANGE.length());
        } else if (line.equals(AT_WORK)) {
          begin = System.nanoTime();
          if (millis >= 0) {
            CompletableFuture.delayedExecutor(millis, TimeUnit.MILLISECONDS).execute(process.toHandle()::destroyForcibly);
          }
        } else if (line.equals(AT_THE_PLACE)) {
          // of the handle, which leaves what was printed to be read
          process.toHandle().destroyForcibly();
        } else if (line.equals(DONE)) {
          done = true;
        }
      }
    } finally {
      if (!process.waitFor(MOST_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    }
    return new End(process.waitFor(), done, changes, System.nanoTime() - begin, last, text.toString());
  }

  private List<String> command(int change, List<String> arguments) {
    List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream().filter(each -> each.startsWith("--") || each.startsWith("-Dio.") || each.startsWith("-Duser.")).forEach(command::add);
    command.addAll(List.of("-Xmx700m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", CLASS_PATH));
    // written at the end of the first run that is not killed: half of a run would be the loading of Spark's classes
    command.addAll(List.of("-XX:+AutoCreateSharedArchive", "-XX:SharedArchiveFile=" + ARCHIVE, "-Xlog:disable"));
    command.addAll(List.of("-Djava.io.tmpdir=" + folder.resolve("tmp"), "-Dlog4j2.configurationFile=" + Path.of("..", "conf", "log4j2.properties").toAbsolutePath()));
    command.addAll(List.of("-Dspark.master=local[2]", "-Dspark.app.name=killed", "-Dspark.ui.enabled=false", "-Dspark.sql.shuffle.partitions=2"));
    command.addAll(List.of("-Dspark.driver.host=127.0.0.1", "-Dspark.driver.bindAddress=127.0.0.1"));
    command.addAll(List.of("-Dspark.gemma.model.cacheDir=" + folder.resolve("cache"), "-Dspark.hadoop.fs.file.impl=" + WatchedFiles.class.getName()));
    command.addAll(List.of(Child.class.getName(), application.getName(), "" + change, folder.resolve("calls").toString()));
    command.addAll(arguments);
    return command;
  }
}
