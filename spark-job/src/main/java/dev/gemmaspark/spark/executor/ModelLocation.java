package dev.gemmaspark.spark.executor;

import dev.gemmaspark.engine.ModelSource;
import dev.gemmaspark.engine.error.ModelNotFoundException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.spark.SparkFiles;

/** Finds the file that a {@code spark.gemma.model} names, on this node. */
public final class ModelLocation {
  private ModelLocation() {}

  /**
   * The model's path, or {@code demo}.
   *
   * @throws ModelNotFoundException if there is no such file on this node
   */
  public static String resolve(String model) {
    if (model.equals(ModelSource.DEMO)) {
      return model;
    }
    Path path = path(model);
    if (Files.isReadable(path)) {
      return path.toString();
    }
    if (path.getNameCount() == 1) {
      Path sent = Path.of(SparkFiles.get(model));
      if (Files.isReadable(sent)) {
        return sent.toString();
      }
    }
    throw new ModelNotFoundException(
        "There is no readable model file %s on host %s; put it at the same path on every node, or send it with --files and name it"
                .formatted(path, host())
            + " without a folder");
  }

  private static Path path(String model) {
    if (!model.matches("[a-zA-Z][a-zA-Z0-9+.-]+:.*")) {
      return Path.of(model);
    }
    URI uri = URI.create(model);
    if (!"file".equals(uri.getScheme())) {
      throw new ModelNotFoundException(
          "The model %s is of scheme '%s'; a local path, file: and files sent with --files are read".formatted(model, uri.getScheme()));
    }
    return Path.of(uri.getPath());
  }

  private static String host() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "unknown";
    }
  }
}
