package dev.gemmaspark.spark.rag;

import java.io.File;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.net.URISyntaxException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Reads PDF and Office files with Apache Tika, in a JVM of its own for each: files that take all memory, or all time, or the JVM itself, cost
 * themselves alone. Tika is not in this project's jar.
 */
final class TikaProcess {
  private static final Set<String> EXTENSIONS = Set.of("pdf", "doc", "docx", "ppt", "pptx", "xls", "xlsx", "odt", "odp", "ods", "rtf", "epub");
  private static final String FACADE = "org.apache.tika.Tika";
  private static final Duration MOST_TIME = Duration.ofSeconds(60);
  private static final String MOST_MEMORY = "-Xmx512m";

  /** What the other JVM says of a file that its parser gives up. */
  private static final String UNREADABLE = "gemma: unreadable";

  /** What a file may come to: beyond it, the rest is cut off. */
  private static final int MOST_CHARACTERS = 16 << 20;

  private TikaProcess() {}

  /** Tika is not there. */
  static final class UnavailableException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UnavailableException(String message) {
      super(message);
    }
  }

  static boolean handles(String name) {
    return EXTENSIONS.contains(name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT));
  }

  static ParsedDocument parse(byte[] bytes, String name) throws IOException {
    return parse(bytes, name, MOST_TIME);
  }

  static ParsedDocument parse(byte[] bytes, String name, Duration mostTime) throws IOException {
    String classPath = classPath();
    Path folder = Files.createTempDirectory("gemma-tika");
    Path file = folder.resolve("document" + name.substring(name.lastIndexOf('.')).toLowerCase(Locale.ROOT));
    Path out = folder.resolve("out.txt");
    try {
      Files.write(file, bytes);
      Process process =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(), MOST_MEMORY, "-XX:+ExitOnOutOfMemoryError",
                  "-Djava.awt.headless=true", "-cp", classPath, Main.class.getName(), file.toString(), out.toString())
              .redirectErrorStream(true)
              .redirectOutput(folder.resolve("log").toFile())
              .start();
      if (!process.waitFor(mostTime.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly().waitFor();
        throw new IOException("it could not be read within " + mostTime.toSeconds() + " seconds");
      }
      if (process.exitValue() != 0) {
        throw new IOException(reason(folder.resolve("log"), process.exitValue()));
      }
      String text = Files.readString(out);
      return DocumentFormat.TEXT.parse(text, name.substring(0, name.lastIndexOf('.')));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      try (var files = Files.list(folder)) {
        for (Path each : files.toList()) {
          Files.delete(each);
        }
      }
      Files.delete(folder);
    }
  }

  private static String reason(Path log, int code) throws IOException {
    List<String> lines = new String(Files.readAllBytes(log), StandardCharsets.UTF_8).lines().filter(line -> line.startsWith(UNREADABLE)).toList();
    return !lines.isEmpty()
        ? "Tika could not read it (" + lines.getFirst().substring(UNREADABLE.length()) + "): it is broken, has a password, or is of another kind than its name says"
        : "Tika ended with code " + code + ", as it does when " + MOST_MEMORY.substring(4) + " of memory are not enough";
  }

  /** Of Tika and what came with it, as this JVM has them. */
  private static String classPath() {
    Set<String> entries = new LinkedHashSet<>();
    ClassLoader loader = Thread.currentThread().getContextClassLoader();
    try {
      Class.forName(FACADE, false, loader);
    } catch (ClassNotFoundException e) {
      throw new UnavailableException(
          "Apache Tika reads files like this, and is not there; add --packages org.apache.tika:tika-core:3.2.3,org.apache.tika:tika-parsers-standard-package:3.2.3, and --rebuild");
    }
    try {
      entries.add(Path.of(TikaProcess.class.getProtectionDomain().getCodeSource().getLocation().toURI()).toString());
      for (ClassLoader each = loader; each != null; each = each.getParent()) {
        if (each instanceof URLClassLoader urls) {
          for (URL url : urls.getURLs()) {
            entries.add(Path.of(url.toURI()).toString());
          }
        }
      }
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
    entries.addAll(List.of(System.getProperty("java.class.path").split(File.pathSeparator)));
    return String.join(File.pathSeparator, entries);
  }

  /** The other JVM. */
  static final class Main {
    private Main() {}

    public static void main(String[] arguments) throws Exception {
      try {
        // by its name: Tika is there when this runs, and not when it is compiled
        Class<?> facade = Class.forName(FACADE);
        Object tika = facade.getDeclaredConstructor().newInstance();
        facade.getMethod("setMaxStringLength", int.class).invoke(tika, MOST_CHARACTERS);
        String text = (String) facade.getMethod("parseToString", Path.class).invoke(tika, Path.of(arguments[0]));
        Files.writeString(Path.of(arguments[1]), text, StandardCharsets.UTF_8);
      } catch (ReflectiveOperationException | CharacterCodingException e) {
        // and no more: what a parser says may quote the document
        Throwable cause = e instanceof InvocationTargetException ? e.getCause() : e;
        System.out.println(UNREADABLE + (cause.getCause() == null ? cause : cause.getCause()).getClass().getSimpleName());
        System.exit(1);
      }
    }
  }
}
