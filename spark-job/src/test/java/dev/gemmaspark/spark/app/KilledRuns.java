package dev.gemmaspark.spark.app;

import dev.gemmaspark.spark.CountingGenerator;
import dev.gemmaspark.spark.executor.ExecutorEngine;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/**
 * Runs an application in a JVM of its own, and ends that with SIGKILL: before a change of the driver's to its files that is drawn by lot, so
 * that commits are met as often as work. {@code -Dgemma.kills=N} kills more often, {@code -Dgemma.kills.seed=S} elsewhere.
 */
final class KilledRuns {
  private static final String AT_THE_PLACE = "AT THE PLACE";
  private static final long MOST_SECONDS = 120;

  private final Path folder;
  private final Random random;
  private final long seed = Long.getLong("gemma.kills.seed", 1L);

  KilledRuns(Path folder) {
    this.folder = folder;
    this.random = new Random(seed);
  }

  /** How often a test of a chain of runs should kill. */
  static int kills(int otherwise) {
    return Integer.getInteger("gemma.kills", otherwise);
  }

  /** What an application in a JVM of its own does with a fake engine: args are its class, before which change it waits to be killed, and its arguments. */
  static final class Child {
    private Child() {}

    public static void main(String[] arguments) throws Exception {
      Files.left.set(Integer.parseInt(arguments[1]));
      CountingGenerator engine = new CountingGenerator();
      ExecutorEngine.replaceFactory(settings -> engine);
      Application application = (Application) Class.forName(arguments[0]).getDeclaredConstructor().newInstance();
      PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
      int code = Application.execute(application, out, List.of(arguments).subList(2, arguments.length).toArray(String[]::new));
      out.println("changes " + Files.changes.get());
      Runtime.getRuntime().halt(code);
    }
  }

  /** Local files; the nth change of theirs by the driver's own code never comes. */
  public static final class Files extends LocalFileSystem {
    private static final AtomicInteger left = new AtomicInteger(Integer.MAX_VALUE);
    private static final AtomicInteger changes = new AtomicInteger();

    private static void change() {
      changes.incrementAndGet();
      if (left.decrementAndGet() < 0) {
        System.out.println(AT_THE_PLACE);
        System.out.flush();
        while (true) {
          try {
            Thread.sleep(MOST_SECONDS * 1000);
          } catch (InterruptedException e) {
            // it waits to be killed
          }
        }
      }
    }

    @Override
    public boolean rename(org.apache.hadoop.fs.Path from, org.apache.hadoop.fs.Path to) throws IOException {
      change();
      return super.rename(from, to);
    }

    @Override
    public boolean delete(org.apache.hadoop.fs.Path path, boolean recursive) throws IOException {
      change();
      return super.delete(path, recursive);
    }

    @Override
    public boolean mkdirs(org.apache.hadoop.fs.Path path) throws IOException {
      change();
      return super.mkdirs(path);
    }

    @Override
    public FSDataOutputStream create(
        org.apache.hadoop.fs.Path path, FsPermission permission, boolean overwrite, int buffer, short replication, long block, Progressable progress)
        throws IOException {
      change();
      return super.create(path, permission, overwrite, buffer, replication, block, progress);
    }
  }

  /**
   * How a run ended.
   *
   * @param killed whether it was killed, rather than done before that
   * @param changes of files that it made, if it was not killed
   */
  record End(boolean killed, int code, int changes, String text) {}

  /** Runs to the end. */
  End run(Class<? extends Application> application, List<String> arguments) throws Exception {
    return run(application, Integer.MAX_VALUE, arguments);
  }

  /** Runs until some change of files, of as many as a whole run makes, and kills. */
  End kill(Class<? extends Application> application, int changesOfAWholeRun, List<String> arguments) throws Exception {
    return run(application, random.nextInt(changesOfAWholeRun), arguments);
  }

  private End run(Class<? extends Application> application, int change, List<String> arguments) throws Exception {
    Process process = start(application, change, arguments);
    StringBuilder text = new StringBuilder(String.format(Locale.ROOT, "seed %d, change %d%n", seed, change));
    boolean killed = false;
    int changes = 0;
    try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = out.readLine(); line != null; line = out.readLine()) {
        text.append(line).append('\n');
        if (line.equals(AT_THE_PLACE) && !killed) {
          killed = true;
          // of the handle, which leaves what was printed to be read
          process.toHandle().destroyForcibly();
        } else if (line.startsWith("changes ")) {
          changes = Integer.parseInt(line.substring("changes ".length()));
        }
      }
    } finally {
      if (!process.waitFor(MOST_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    }
    return new End(killed, process.waitFor(), changes, text.toString());
  }

  private Process start(Class<? extends Application> application, int change, List<String> arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream().filter(each -> each.startsWith("--")).forEach(command::add);
    command.addAll(List.of("-Xmx700m", "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"), "-Dspark.master=local[2]", "-Dspark.app.name=killed"));
    command.addAll(List.of("-Dspark.ui.enabled=false", "-Dspark.driver.host=127.0.0.1", "-Dspark.driver.bindAddress=127.0.0.1", "-Dspark.sql.shuffle.partitions=2"));
    command.addAll(List.of("-Dspark.gemma.model.cacheDir=" + folder.resolve("cache"), "-Dspark.hadoop.fs.file.impl=" + Files.class.getName()));
    command.addAll(List.of(Child.class.getName(), application.getName(), "" + change));
    command.addAll(arguments);
    return new ProcessBuilder(command).redirectErrorStream(true).directory(java.nio.file.Files.createDirectories(folder).toFile()).start();
  }
}
