package dev.gemmaspark.spark.app;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;

/** Runs applications in the tests' own JVM, as spark-submit would in one of theirs. */
final class LocalApplication {
  private LocalApplication() {}

  /** How a run ended, and what it printed. */
  record Run(int code, String text) {}

  /** What spark-submit would set. */
  static void configure(Path cache) {
    System.setProperty("spark.master", "local[2]");
    System.setProperty("spark.app.name", "test");
    System.setProperty("spark.ui.enabled", "false");
    System.setProperty("spark.driver.host", "127.0.0.1");
    System.setProperty("spark.driver.bindAddress", "127.0.0.1");
    System.setProperty("spark.sql.shuffle.partitions", "2");
    System.setProperty("spark.gemma.model.cacheDir", cache.toString());
  }

  static void clear() {
    System.getProperties().stringPropertyNames().stream().filter(name -> name.startsWith("spark.")).forEach(System::clearProperty);
  }

  static Run run(Application application, String... arguments) {
    StringWriter text = new StringWriter();
    int code = Application.execute(application, new PrintWriter(text, true), arguments);
    return new Run(code, text.toString());
  }
}
