package dev.gemmaspark.spark;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.junit.jupiter.api.Test;

/** What goes to a cluster: our classes and what the cluster lacks, and nothing that Spark ships. */
class JarContentsIT {
  @Test
  void theJarHoldsWhatTheReviewedListSays() throws Exception {
    try (JarFile jar = new JarFile("target/gemma-spark-job-0.1.0.jar")) {
      List<String> folders =
          jar.stream()
              .filter(entry -> !entry.isDirectory())
              .map(JarEntry::getName)
              .map(name -> name.endsWith(".class") ? name.substring(0, name.lastIndexOf('/') + 1) + "*.class" : name)
              .distinct()
              .sorted()
              .toList();
      assertThat(folders).isEqualTo(Files.readAllLines(Path.of("jar-contents.txt")));
    }
  }
}
