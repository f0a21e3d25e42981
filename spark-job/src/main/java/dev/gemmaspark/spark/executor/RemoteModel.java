package dev.gemmaspark.spark.executor;

import dev.gemmaspark.engine.ModelCache;
import dev.gemmaspark.engine.error.ModelNotFoundException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkEnv;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A model in a Hadoop file system, of which each node keeps one copy, shared by its executors. A copy is of one state of the files: what it is
 * called follows from their names, sizes and times of change.
 */
final class RemoteModel {
  private static final Logger LOG = LoggerFactory.getLogger(RemoteModel.class);
  private static final Pattern PART = Pattern.compile("(.*)-\\d{5}-of-(\\d{5}\\.gguf)");

  /** Of a folder, the files that models and adapters are made of. */
  private static final Pattern OF_MODEL = Pattern.compile(".*\\.(safetensors|json|jinja)|tokenizer\\.model");

  private static final int BUFFER_BYTES = 1 << 20;

  private final FileSystem fileSystem;
  private final Path path;
  private final boolean directory;
  private final List<FileStatus> files;

  private RemoteModel(FileSystem fileSystem, Path path, boolean directory, List<FileStatus> files) {
    this.fileSystem = fileSystem;
    this.path = path;
    this.directory = directory;
    this.files = files;
  }

  /**
   * Looks for a model.
   *
   * @param uri a GGUF file, any part of one, or a directory
   * @throws ModelNotFoundException if there is nothing
   */
  static RemoteModel of(URI uri) throws IOException {
    Path path = new Path(uri);
    FileSystem fileSystem = path.getFileSystem(configuration());
    FileStatus status;
    try {
      status = fileSystem.getFileStatus(path);
    } catch (FileNotFoundException e) {
      throw new ModelNotFoundException("There is no model " + uri + "; check the URI", e);
    }
    List<FileStatus> files = new ArrayList<>();
    if (status.isDirectory()) {
      list(fileSystem, path, files, OF_MODEL);
    } else {
      Matcher part = PART.matcher(path.getName());
      if (part.matches()) {
        list(fileSystem, path.getParent(), files, Pattern.compile(Pattern.quote(part.group(1)) + "-\\d{5}-of-" + Pattern.quote(part.group(2))));
      } else {
        files.add(status);
      }
    }
    files.sort(Comparator.comparing(file -> file.getPath().getName()));
    return new RemoteModel(fileSystem, path, status.isDirectory(), files);
  }

  private static void list(FileSystem fileSystem, Path folder, List<FileStatus> files, Pattern names) throws IOException {
    Arrays.stream(fileSystem.listStatus(folder))
        .filter(file -> file.isFile() && names.matcher(file.getPath().getName()).matches())
        .forEach(files::add);
  }

  private static Configuration configuration() {
    SparkEnv env = SparkEnv.get();
    return env == null ? new Configuration() : SparkHadoopUtil.get().newConfiguration(env.conf());
  }

  /** This node's copy of it, made now if need be. */
  java.nio.file.Path local(java.nio.file.Path cacheDirectory) throws IOException {
    java.nio.file.Path folder = new ModelCache(cacheDirectory).folder(key(), this::isWhole, this::copyTo);
    return folder.resolve(path.getName());
  }

  /** The name of the file or directory last, so that people see it. */
  private String key() {
    StringBuilder text = new StringBuilder(path.toString());
    for (FileStatus file : files) {
      text.append('\n').append(file.getPath().getName()).append(' ').append(file.getLen()).append(' ').append(file.getModificationTime());
    }
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.toString().getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest, 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  private java.nio.file.Path target(java.nio.file.Path folder, FileStatus file) {
    return (directory ? folder.resolve(path.getName()) : folder).resolve(file.getPath().getName());
  }

  private boolean isWhole(java.nio.file.Path folder) {
    try {
      for (FileStatus file : files) {
        java.nio.file.Path copy = target(folder, file);
        if (!Files.exists(copy) || Files.size(copy) != file.getLen()) {
          return false;
        }
      }
      return true;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void copyTo(java.nio.file.Path folder) throws IOException {
    long start = System.nanoTime();
    long all = 0;
    for (FileStatus file : files) {
      java.nio.file.Path copy = target(folder, file);
      Files.createDirectories(copy.getParent());
      try (InputStream in = fileSystem.open(file.getPath(), BUFFER_BYTES);
          OutputStream out = Files.newOutputStream(copy)) {
        long copied = in.transferTo(out);
        if (copied != file.getLen()) {
          throw new IOException(String.format(Locale.ROOT, "%s has %d bytes, but %d came; is it being written?",
              file.getPath(), file.getLen(), copied));
        }
        all += copied;
      }
    }
    LOG.info("{} is copied to {}: {} MiB in {} s", path, folder.getParent(), all >> 20, (System.nanoTime() - start) / 1_000_000_000);
  }
}
