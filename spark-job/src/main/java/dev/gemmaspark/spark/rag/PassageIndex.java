package dev.gemmaspark.spark.rag;

import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.executor.ExecutorTokenizer;
import dev.gemmaspark.spark.rag.IndexManifest.ShardFile;
import dev.gemmaspark.spark.storage.FolderLock;
import java.io.IOException;
import java.io.Serializable;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Collectors;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.SerializableConfiguration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Tuple2;

/**
 * The passages of documents, indexed: built by Spark, kept in a folder of any file system, brought up to date by what has changed. A document
 * belongs to a shard by its id for ever, so a document that changes costs its shard and no other.
 */
public final class PassageIndex {
  private static final Logger LOG = LoggerFactory.getLogger(PassageIndex.class);
  /** For who goes back; those that a run reads are kept as well. */
  private static final int VERSIONS_KEPT = 3;

  /** A listing that lost more than this share of the documents is taken for a mistake. */
  private static final double MOST_DELETED = 0.5;

  /** Documents that could not be read, in a message. */
  private static final int MOST_NAMED = 3;

  private final SparkSession spark;
  private final GemmaConf conf;
  private final FileSystem fileSystem;
  private final Path folder;

  /** What an update does. */
  public enum Scope {
    /** What has changed; more than half of the documents gone is taken for a mistake. */
    CHANGES,
    /** What has changed, however much is gone. */
    CHANGES_HOWEVER_MANY,
    /** Everything anew, by whatever rules there were. */
    ALL
  }

  /**
   * How an index is made.
   *
   * @param language of the documents
   * @param sizes of passages
   * @param shards parts that are built and searched side by side
   */
  public record Rules(Language language, PassageSplitter.Sizes sizes, int shards) implements Serializable {
    private static final long serialVersionUID = 1L;

    /** English, passages of about 384 tokens, eight shards. */
    public static final Rules DEFAULT = new Rules(Language.ENGLISH, PassageSplitter.Sizes.DEFAULT, 8);

    /** With another language and number of shards. */
    public Rules with(Language language, int shards) {
      return new Rules(language, sizes, shards);
    }

    public Rules {
      if (shards < 1 || shards > 10_000) {
        throw new DocumentsException("the number of shards is " + shards + "; it must be between 1 and 10000", null);
      }
    }
  }

  /**
   * What an update did.
   *
   * @param added documents that are new
   * @param failed documents without passages, of all
   * @param shardsBuilt of all shards, those that were built
   */
  public record Update(IndexManifest manifest, int added, int changed, int deleted, long failed, int shardsBuilt) {}

  public PassageIndex(SparkSession spark, GemmaConf conf, String place) throws IOException {
    this.spark = spark;
    this.conf = conf;
    this.folder = new Path(place);
    this.fileSystem = folder.getFileSystem(spark.sessionState().newHadoopConf());
  }

  FileSystem fileSystem() {
    return fileSystem;
  }

  Path folder() {
    return folder;
  }

  /**
   * The newest version.
   *
   * @throws DocumentsException if there is none
   */
  public IndexManifest newest() throws IOException {
    return IndexManifest.newest(fileSystem, folder)
        .orElseThrow(() -> new DocumentsException("There is no index at " + folder + "; make one with 'gemma-submit index', or check --index", null));
  }

  /**
   * Keeps a version, while a run reads it.
   *
   * @return for the caller to close
   */
  public VersionLease lease(IndexManifest manifest, String runId) {
    return VersionLease.take(fileSystem, IndexManifest.folder(folder, manifest.version()), runId);
  }

  /** Fails if the index was made by other rules than this build and this model have. */
  public void requireRules(IndexManifest manifest) {
    Map<String, String> settings = manifest.settings();
    Rules rules =
        new Rules(
            Language.of(settings.getOrDefault("language", "none")),
            new PassageSplitter.Sizes(number(settings, "targetTokens", 384), number(settings, "mostTokens", 512), number(settings, "overlapTokens", 50)),
            manifest.shards().size());
    manifest.requireSettings(settings(rules), folder.toString());
  }

  private static int number(Map<String, String> settings, String name, int otherwise) {
    return settings.containsKey(name) ? Integer.parseInt(settings.get(name)) : otherwise;
  }

  private Map<String, String> settings(Rules rules) {
    return IndexManifest.settings(rules.language(), rules.sizes(), rules.shards(), ExecutorTokenizer.get(conf));
  }

  /** The documents of a version, a row for each; those that are gone have a time in {@code deleted_at}. */
  public Dataset<Row> documents(IndexManifest manifest) {
    return spark.read().parquet(IndexManifest.documents(folder, manifest.version()).toString());
  }

  /**
   * Brings the index up to date. A run that is killed leaves the version before it as it is.
   *
   * @throws DocumentsException if there are no documents, or if the index was made by other rules
   * @throws dev.gemmaspark.spark.storage.FolderInUseException if another run is at work in it
   */
  public Update update(DocumentSource source, Rules rules, Scope scope) throws IOException {
    try (FolderLock lock = FolderLock.acquire(fileSystem, folder, "index", UUID.randomUUID().toString())) {
      return updateLocked(source, rules, scope, lock);
    }
  }

  private Update updateLocked(DocumentSource source, Rules rules, Scope scope, FolderLock lock) throws IOException {
    Map<String, String> settings = settings(rules);
    Optional<IndexManifest> before = IndexManifest.newest(fileSystem, folder);
    if (scope != Scope.ALL) {
      before.ifPresent(manifest -> manifest.requireSettings(settings, folder.toString()));
    }
    Map<String, DocumentRow> known = new TreeMap<>();
    if (before.isPresent()) {
      known(before.get(), scope).forEach(row -> known.put(row.docId(), row));
    }
    List<Listed> listed = source.list();
    if (listed.isEmpty() && before.isEmpty()) {
      throw new DocumentsException("There is no document at " + source.place() + "; check --documents", null);
    }
    Changes changes = Changes.of(listed, known, hashes(source, listed, known));
    if (scope == Scope.CHANGES && changes.deleted().size() > MOST_DELETED * changes.lived()) {
      throw new DocumentsException(
          String.format(Locale.ROOT, "%d of the %d documents at %s are gone since the last run; if that is so, say --allow-shrink",
              changes.deleted().size(), changes.lived(), source.place()),
          null);
    }
    Set<Integer> touched = new TreeSet<>();
    if (scope == Scope.ALL || before.isEmpty()) {
      for (int shard = 0; shard < rules.shards(); shard++) {
        touched.add(shard);
      }
    } else {
      changes.touched().forEach(docId -> touched.add(shard(docId, rules.shards())));
    }
    if (before.isPresent() && touched.isEmpty()) {
      removeOld(lock);
      return new Update(before.get(), 0, 0, 0, failed(known.values()), 0);
    }
    return build(source, rules, settings, scope, scope == Scope.ALL ? Optional.empty() : before, known, changes, touched, lock);
  }

  /** What a version knows of its documents; nothing where its list is damaged, and everything is made anew. */
  private List<DocumentRow> known(IndexManifest manifest, Scope scope) {
    try {
      return documents(manifest).collectAsList().stream().map(DocumentRow::of).toList();
    } catch (Exception e) {
      // checked ones too, which Scala does not declare
      LOG.warn("The list of documents of version {} of the index at {} cannot be read", manifest.version(), folder, e);
      if (scope == Scope.ALL) {
        return List.of();
      }
      throw new DocumentsException(
          String.format(
              Locale.ROOT, "The index at %s is damaged: the list of its documents, %s, cannot be read; say --rebuild",
              folder, IndexManifest.documents(folder, manifest.version())),
          e);
    }
  }

  private Update build(
      DocumentSource source,
      Rules rules,
      Map<String, String> settings,
      Scope scope,
      Optional<IndexManifest> before,
      Map<String, DocumentRow> known,
      Changes changes,
      Set<Integer> touched,
      FolderLock lock)
      throws IOException {
    int version = IndexManifest.versions(fileSystem, folder).stream().mapToInt(IndexManifest::number).max().orElse(0) + 1;
    Map<Integer, List<Listed>> wanted = new TreeMap<>();
    touched.forEach(shard -> wanted.put(shard, new ArrayList<>()));
    for (Listed each : changes.listed()) {
      List<Listed> of = wanted.get(shard(each.docId(), rules.shards()));
      if (of != null) {
        of.add(each);
      }
    }
    ShardBuilder builder =
        new ShardBuilder(new SerializableConfiguration(spark.sessionState().newHadoopConf()), folder.toString(), conf, rules);
    spark.sparkContext().setJobDescription(String.format(Locale.ROOT, "index: %d of %d shards", touched.size(), rules.shards()));
    Map<Integer, ShardBuilder.Built> built = new HashMap<>();
    for (Tuple2<Integer, ShardBuilder.Built> each : source.contents(wanted).mapToPair(pair -> new Tuple2<>(pair._1(), builder.build(pair._1(), pair._2()))).collect()) {
      built.put(each._1(), each._2());
    }
    for (Integer shard : touched) {
      if (!built.containsKey(shard)) {
        built.put(shard, builder.build(shard, List.of()));
      }
    }
    spark.sparkContext().setJobDescription(null);
    List<ShardFile> files = new ArrayList<>();
    for (int shard = 0; shard < rules.shards(); shard++) {
      files.add(built.containsKey(shard) ? built.get(shard).file() : before.orElseThrow().shards().get(shard));
    }
    List<DocumentRow> documents = documents(known, changes, built);
    boolean wereReadable = known.values().stream().anyMatch(row -> row.isThere() && row.isRead());
    if (!wereReadable || scope != Scope.CHANGES_HOWEVER_MANY) {
      requireReadable(source, documents, wereReadable ? "; if its readable documents are gone, say --allow-shrink" : "", lock);
    }
    IndexManifest manifest =
        new IndexManifest(version, settings, files, documents.stream().filter(row -> row.isThere() && row.isRead()).count());
    spark
        .createDataFrame(documents.stream().map(DocumentRow::row).toList(), DocumentRow.SCHEMA)
        .coalesce(1)
        .write()
        .mode("overwrite")
        .parquet(IndexManifest.documents(folder, version).toString());
    lock.requireHeld();
    manifest.write(fileSystem, folder);
    removeOld(lock);
    return new Update(manifest, changes.added().size(), changes.changed().size(), changes.deleted().size(), failed(documents), built.size());
  }

  private static List<DocumentRow> documents(Map<String, DocumentRow> known, Changes changes, Map<Integer, ShardBuilder.Built> built) {
    Timestamp now = new Timestamp(System.currentTimeMillis());
    Map<String, DocumentRow> rows = new TreeMap<>(known);
    for (ShardBuilder.Built shard : built.values()) {
      for (ShardBuilder.DocumentResult each : shard.documents()) {
        Listed listed = each.listed();
        DocumentRow before = known.get(listed.docId());
        rows.put(
            listed.docId(),
            new DocumentRow(
                listed.docId(),
                listed.uri(),
                each.sha256(),
                listed.mtime(),
                listed.length(),
                each.mime(),
                each.title(),
                each.status(),
                each.error(),
                each.passages(),
                each.removedHiddenCharacters(),
                before == null ? now : before.firstSeen(),
                null));
      }
    }
    changes.deleted().forEach(docId -> rows.put(docId, known.get(docId).deleted(now)));
    return new ArrayList<>(rows.values());
  }

  /** Fails where there are documents, and none has a text; what was built of them goes. */
  private void requireReadable(DocumentSource source, List<DocumentRow> documents, String mend, FolderLock lock) throws IOException {
    List<DocumentRow> there = documents.stream().filter(DocumentRow::isThere).toList();
    if (there.isEmpty() || there.stream().anyMatch(DocumentRow::isRead)) {
      return;
    }
    removeOld(lock);
    String some = there.stream().limit(MOST_NAMED).map(row -> "of " + row.docId() + ", " + row.error()).collect(Collectors.joining("; "));
    throw new DocumentsException(
        String.format(
            Locale.ROOT,
            "Of the %,d documents at %s not one could be read, and the index at %s is left as it was; %s%s%s",
            there.size(), source.place(), folder, some, there.size() > MOST_NAMED ? String.format(Locale.ROOT, "; and %,d more", there.size() - MOST_NAMED) : "", mend),
        null);
  }

  private static long failed(Collection<DocumentRow> documents) {
    return documents.stream().filter(row -> row.isThere() && !row.isRead()).count();
  }

  /** The checksums of documents that may have changed: those of another length or time than before, and those that could not be read then. */
  private Map<String, String> hashes(DocumentSource source, List<Listed> listed, Map<String, DocumentRow> known) {
    List<Listed> candidates =
        listed.stream()
            .filter(each -> each.sha256() == null && known.containsKey(each.docId()))
            .filter(each -> known.get(each.docId()).mayDiffer(each))
            .toList();
    if (candidates.isEmpty()) {
      return Map.of();
    }
    Map<Integer, List<Listed>> groups = new TreeMap<>();
    int parts = Math.max(1, spark.sparkContext().defaultParallelism());
    for (int i = 0; i < candidates.size(); i++) {
      groups.computeIfAbsent(i % parts, part -> new ArrayList<>()).add(candidates.get(i));
    }
    spark.sparkContext().setJobDescription(String.format(Locale.ROOT, "index: checksums of %d documents", candidates.size()));
    return new HashMap<>(
        source.contents(groups)
            .flatMapValues(contents -> contents.iterator())
            .mapToPair(pair -> new Tuple2<>(pair._2().listed().docId(), sha256(pair._2())))
            .collectAsMap());
  }

  private static String sha256(Content content) {
    try {
      return Hashes.sha256(content.read());
    } catch (IOException | RuntimeException e) {
      // such as a name that the file system does not take back
      return Changes.UNREADABLE;
    }
  }

  private void removeOld(FolderLock lock) throws IOException {
    lock.requireHeld();
    long now = fileSystem.getFileStatus(new Path(folder, FolderLock.NAME)).getModificationTime();
    Set<String> used = new HashSet<>();
    int whole = 0;
    for (Path version : IndexManifest.versions(fileSystem, folder)) {
      Optional<IndexManifest> manifest = IndexManifest.read(fileSystem, version);
      boolean taken = VersionLease.removeEnded(fileSystem, version, now);
      if (manifest.isPresent() && (whole < VERSIONS_KEPT || taken)) {
        whole++;
        manifest.get().shards().forEach(shard -> used.add(shard.file()));
      } else {
        fileSystem.delete(version, true);
      }
    }
    for (FileStatus file : fileSystem.listStatus(new Path(folder, "shards"))) {
      if (!used.contains(file.getPath().getName())) {
        fileSystem.delete(file.getPath(), false);
      }
    }
  }

  /** The shard of a document, for ever. */
  static int shard(String docId, int shards) {
    return Math.floorMod(Integer.parseUnsignedInt(Hashes.sha256(docId).substring(0, 8), 16), shards);
  }
}
