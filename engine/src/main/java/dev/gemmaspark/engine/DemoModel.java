package dev.gemmaspark.engine;

import dev.gemmaspark.engine.error.ModelNotFoundException;
import dev.gemmaspark.engine.internal.weights.AtomicFile;
import dev.gemmaspark.engine.internal.weights.ModelChecksum;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;

/** The model that the jar brings along, as a file of the model cache, because weights are mapped from files. */
final class DemoModel {
  private static final String RESOURCE = "demo/gemma2-demo-q8_0.gguf";

  /** What is said whenever it is used. */
  static final String NOTICE =
      "This is the bundled demo model: 5.4 million parameters, trained on synthetic reports, for trying things out."
          + " Name a real Gemma with --model (or spark.gemma.model)";

  private DemoModel() {}

  static Path file(Path cacheDirectory) {
    byte[] bytes = resource();
    Path file =
        cacheDirectory.resolve("models").resolve("demo-" + ModelChecksum.of(bytes).substring(0, 16) + ".gguf");
    try {
      if (!Files.exists(file) || Files.size(file) != bytes.length) {
        AtomicFile.write(file, channel -> Channels.newOutputStream(channel).write(bytes));
      }
      return file;
    } catch (IOException e) {
      throw new ModelNotFoundException(
          "Cannot write the demo model to " + file + ": " + e.getMessage() + "; name another cache folder", e);
    }
  }

  private static byte[] resource() {
    try (InputStream in = DemoModel.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        throw new ModelNotFoundException("This jar lacks the demo model; build it again with `mvn package`");
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new ModelNotFoundException("Cannot read the demo model from the jar: " + e.getMessage(), e);
    }
  }
}
