package dev.gemmaspark.spark.executor;

import dev.gemmaspark.engine.EngineOptions;
import dev.gemmaspark.engine.ModelReport;
import dev.gemmaspark.engine.ModelSource;
import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.error.ModelNotFoundException;
import dev.gemmaspark.spark.conf.GemmaConf;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.Locale;
import org.apache.spark.SparkFiles;

/**
 * Finds the model that the settings name, on this node: a local path; a file or folder sent with {@code --files} or {@code --archives}; or a
 * Hadoop URI, of which the node keeps a copy.
 */
public final class ModelLocation {
  private ModelLocation() {}

  /**
   * What an engine or an identity is opened with: the model and its adapter as local paths, and the cache folder.
   *
   * @throws ModelNotFoundException if there is no such model on this node
   */
  public static EngineOptions options(GemmaConf conf) {
    EngineOptions options = EngineOptions.forModel(ModelSource.DEMO).withCacheDirectory(cacheDirectory(conf));
    ModelSource source = ModelSource.of(resolve(conf.model(), options.cacheDirectory()));
    if (conf.quantization().isPresent()) {
      source = source.withQuantization(conf.quantization().get());
    }
    if (conf.lora().isPresent()) {
      source = source.withLora(Path.of(resolve(conf.lora().get(), options.cacheDirectory())));
    }
    if (conf.modelSha256().isPresent()) {
      source = source.withSha256(conf.modelSha256().get());
    }
    if (conf.chatTemplate().isPresent()) {
      source = source.withChatTemplate(conf.chatTemplate().get());
    }
    return options.withModel(source);
  }

  /**
   * In which state the files of the model and its adapter are on this node: another text where one was replaced. Empty where they are not
   * found, which is told where they are opened.
   */
  static String state(GemmaConf conf) {
    StringBuilder state = new StringBuilder();
    try {
      for (String named : Stream.concat(Stream.of(conf.model()), conf.lora().stream()).toList()) {
        String place = resolve(named, cacheDirectory(conf));
        if (!place.equals(ModelSource.DEMO)) {
          append(Path.of(place), state);
        }
      }
    } catch (IOException | GemmaException e) {
      return "";
    }
    return state.toString();
  }

  private static void append(Path path, StringBuilder state) throws IOException {
    List<Path> files = List.of(path);
    if (Files.isDirectory(path)) {
      try (Stream<Path> inside = Files.list(path)) {
        files = inside.sorted().toList();
      }
    }
    for (Path file : files) {
      state.append(file).append(' ').append(Files.size(file)).append(' ').append(Files.getLastModifiedTime(file)).append('\n');
    }
  }

  /** The cache folder of this node. */
  public static Path cacheDirectory(GemmaConf conf) {
    return conf.cacheDirectory().orElseGet(() -> EngineOptions.forModel(ModelSource.DEMO).cacheDirectory());
  }

  /** The context of an engine with these settings, in tokens of prompt and completion together; the weights are not read for it. */
  public static int contextLength(GemmaConf conf) {
    EngineOptions options = options(conf);
    if (conf.contextLength().isPresent()) {
      options = options.withContextLength(conf.contextLength().getAsInt());
    }
    return ModelReport.of(options, ModelReport.Depth.HEADER).contextLength();
  }

  /** The model's path on this node, or {@code demo}. */
  static String resolve(String model, Path cacheDirectory) {
    if (model.equals(ModelSource.DEMO)) {
      return model;
    }
    URI uri = uri(model);
    if (uri != null && !"file".equals(uri.getScheme())) {
      return remote(uri, cacheDirectory).toString();
    }
    Path path = uri == null ? Path.of(model) : Path.of(uri.getPath());
    if (Files.isReadable(path)) {
      return path.toString();
    }
    if (path.getNameCount() == 1 && !path.isAbsolute()) {
      Path sent = Path.of(SparkFiles.get(model));
      if (Files.isReadable(sent)) {
        return sent.toString();
      }
    }
    throw new ModelNotFoundException(
        String.format(
            Locale.ROOT,
            "There is no readable model %s on host %s; put it at the same path on every node, name it by a URI that all nodes reach (hdfs:, s3a:, …),",
            path, Host.name())
            + " or send it with --files and name it without a folder");
  }

  private static Path remote(URI uri, Path cacheDirectory) {
    try {
      return RemoteModel.of(uri).local(cacheDirectory);
    } catch (IOException | RuntimeException e) {
      if (e instanceof ModelNotFoundException known) {
        throw known;
      }
      throw new ModelNotFoundException(
          String.format(
              Locale.ROOT,
              "The model %s cannot be copied to %s on host %s: %s; check the URI, its permissions, the settings of its file system, and the room there",
              uri, cacheDirectory, Host.name(), e),
          e);
    }
  }

  /** Null if it is a path; what looks like a drive letter is one. */
  private static URI uri(String model) {
    if (!model.matches("[a-zA-Z][a-zA-Z0-9+.-]+:.*")) {
      return null;
    }
    try {
      return new URI(model.replace(" ", "%20"));
    } catch (URISyntaxException e) {
      throw new ModelNotFoundException(String.format(Locale.ROOT, "The model '%s' is no valid URI: %s", model, e.getReason()), e);
    }
  }
}
