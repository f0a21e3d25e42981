package dev.gemmaspark.spark.rag;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.gemmaspark.engine.TokenCounter;
import dev.gemmaspark.spark.storage.SmallFile;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * One version of an index: which files it is made of, and by which rules. A version is there when its manifest is, which is written last.
 *
 * <pre>
 * INDEX/v=3/manifest.json      this
 * INDEX/v=3/documents/         a row for each document, as Parquet
 * INDEX/shards/shard-….zip     Lucene indexes; versions share those that did not change
 * </pre>
 *
 * @param version from 1
 * @param settings by which texts became passages and terms
 * @param shards in the order of their numbers
 * @param documents that have passages
 */
public record IndexManifest(int version, Map<String, String> settings, List<ShardFile> shards, long documents) {
  private static final String NAME = "manifest.json";
  private static final JsonMapper MAPPER =
      JsonMapper.builder().configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, false).build();

  /**
   * A Lucene index in a file.
   *
   * @param file its name in the folder of shards
   * @param passages in it
   * @param terms in them
   * @param pairs of passages and their terms
   */
  public record ShardFile(int number, String file, int passages, long terms, long pairs) implements Serializable {
    private static final long serialVersionUID = 1L;

    Shard.Statistics statistics() {
      return new Shard.Statistics(passages, terms, pairs);
    }
  }

  public IndexManifest {
    settings = Map.copyOf(settings);
    shards = List.copyOf(shards);
  }

  /** The rules of this build, for a model's tokenizer. */
  static Map<String, String> settings(Language language, PassageSplitter.Sizes sizes, int shards, TokenCounter tokenizer) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("language", language.option());
    settings.put("analyzer", "" + PassageAnalyzer.VERSION);
    settings.put("lucene", "" + org.apache.lucene.util.Version.LATEST.major);
    settings.put("splitter", "" + PassageSplitter.VERSION);
    settings.put("parser", "" + DocumentReader.VERSION);
    settings.put("targetTokens", "" + sizes.target());
    settings.put("mostTokens", "" + sizes.most());
    settings.put("overlapTokens", "" + sizes.overlap());
    settings.put("shards", "" + shards);
    settings.put("tokenizer", tokenizer.fingerprint().substring(0, 12));
    return settings;
  }

  /** A name for the rules. */
  String fingerprint() {
    return fingerprint(settings);
  }

  private static String fingerprint(Map<String, String> settings) {
    return Hashes.sha256(new java.util.TreeMap<>(settings).toString()).substring(0, 12);
  }

  /**
   * Fails if the index was made by other rules.
   *
   * @param wanted the rules of this run
   * @param where the index is
   */
  void requireSettings(Map<String, String> wanted, String where) {
    List<String> differences = new ArrayList<>();
    new java.util.TreeMap<>(wanted)
        .forEach(
            (name, value) -> {
              if (!value.equals(settings.get(name))) {
                differences.add(String.format(Locale.ROOT, "%s was %s, and is %s", name, settings.get(name), value));
              }
            });
    if (!differences.isEmpty()) {
      throw new DocumentsException(
          String.format(
              Locale.ROOT,
              "The index %s was made by other rules (%s) than this run's (%s): %s. Make it anew with 'gemma-submit index --rebuild', or name another",
              where, fingerprint(), fingerprint(wanted), String.join("; ", differences)),
          null);
    }
  }

  /** The newest version that is whole. */
  static Optional<IndexManifest> newest(FileSystem fileSystem, Path index) throws IOException {
    for (Path folder : versions(fileSystem, index)) {
      Optional<IndexManifest> manifest = read(fileSystem, folder);
      if (manifest.isPresent()) {
        return manifest;
      }
    }
    return Optional.empty();
  }

  /** The manifest of a version's folder, if the version is whole. */
  static Optional<IndexManifest> read(FileSystem fileSystem, Path version) throws IOException {
    SmallFile file = new SmallFile(fileSystem, new Path(version, NAME));
    Optional<byte[]> json = file.read();
    try {
      return json.isEmpty() ? Optional.empty() : Optional.of(MAPPER.readValue(json.get(), IndexManifest.class));
    } catch (JacksonException e) {
      throw new DocumentsException(String.format(Locale.ROOT, "The manifest %s is broken (%s); delete its folder, and run the index again",
          file.path(), e.getOriginalMessage()), e);
    }
  }

  /** Folders of versions, whole or not, the newest first. */
  static List<Path> versions(FileSystem fileSystem, Path index) throws IOException {
    if (!fileSystem.exists(index)) {
      return List.of();
    }
    List<Path> folders = new ArrayList<>();
    for (FileStatus file : fileSystem.listStatus(index)) {
      if (file.isDirectory() && file.getPath().getName().matches("v=\\d+")) {
        folders.add(file.getPath());
      }
    }
    folders.sort(Comparator.comparing(IndexManifest::number).reversed());
    return folders;
  }

  static int number(Path version) {
    return Integer.parseInt(version.getName().substring(2));
  }

  static Path folder(Path index, int version) {
    return new Path(index, "v=" + version);
  }

  static Path documents(Path index, int version) {
    return new Path(folder(index, version), "documents");
  }

  static Path shard(Path index, String file) {
    return new Path(new Path(index, "shards"), file);
  }

  /** Makes the version a whole one. */
  void write(FileSystem fileSystem, Path index) throws IOException {
    new SmallFile(fileSystem, new Path(folder(index, version), NAME)).write(MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(this));
  }
}
