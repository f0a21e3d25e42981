package dev.gemmaspark.spark.rag;

import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.executor.ExecutorTokenizer;
import dev.gemmaspark.spark.rag.IndexManifest.ShardFile;
import java.io.IOException;
import java.io.OutputStream;
import java.io.Serializable;
import java.nio.file.Files;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.SerializableConfiguration;
import scala.Tuple2;

/**
 * The passages of documents, indexed: built by Spark, kept in a folder of any file system, brought up to date by what has changed. A document
 * belongs to a shard by its id for ever, so a document that changes costs its shard and no other.
 */
public final class PassageIndex {
  private static final int VERSIONS_KEPT = 3;

  /** A listing that lost more than this share of the documents is taken for a mistake. */
  private static final double MOST_DELETED = 0.5;

  private static final StructType DOCUMENTS =
      new StructType()
          .add("doc_id", DataTypes.StringType)
          .add("uri", DataTypes.StringType)
          .add("content_sha256", DataTypes.StringType)
          .add("mtime", DataTypes.LongType)
          .add("length", DataTypes.LongType)
          .add("mime", DataTypes.StringType)
          .add("title", DataTypes.StringType)
          .add("parse_status", DataTypes.StringType)
          .add("parse_error", DataTypes.StringType)
          .add("passages", DataTypes.IntegerType)
          .add("removed_hidden_chars", DataTypes.IntegerType)
          .add("first_seen", DataTypes.TimestampType)
          .add("deleted_at", DataTypes.TimestampType);

  private final SparkSession spark;
  private final GemmaConf conf;
  private final FileSystem fileSystem;
  private final Path folder;

  /** Whether a folder may lose any number of documents. */
  public enum Deletions {
    /** A folder that lost more than half of its documents is a mistake. */
    PLAUSIBLE,
    ANY
  }

  /**
   * How an index is made.
   *
   * @param language of the documents
   * @param sizes of passages
   * @param shards parts that are built and searched side by side
   */
  public record Rules(PassageAnalyzer.Language language, PassageSplitter.Sizes sizes, int shards) implements Serializable {
    private static final long serialVersionUID = 1L;

    /** English, passages of about 384 tokens, eight shards. */
    public static final Rules DEFAULT = new Rules(PassageAnalyzer.Language.ENGLISH, PassageSplitter.Sizes.DEFAULT, 8);

    /** With other words and another number of shards. */
    public Rules with(boolean english, int shards) {
      return new Rules(english ? PassageAnalyzer.Language.ENGLISH : PassageAnalyzer.Language.NONE, sizes, shards);
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

  /** Fails if the index was made by other rules than this build and this model have. */
  public void requireRules(IndexManifest manifest) {
    Map<String, String> settings = manifest.settings();
    Rules rules =
        new Rules(
            PassageAnalyzer.Language.valueOf(settings.getOrDefault("language", "none").toUpperCase(java.util.Locale.ROOT)),
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
   * @param rebuild whether everything is made anew, by whatever rules there were
   */
  public Update update(DocumentSource source, Rules rules, Deletions deletions, boolean rebuild) throws IOException {
    FolderLock lock = FolderLock.acquire(fileSystem, folder, "an index of " + source.place());
    try {
      return updateLocked(source, rules, deletions, rebuild);
    } finally {
      lock.close();
    }
  }

  private Update updateLocked(DocumentSource source, Rules rules, Deletions deletions, boolean rebuild) throws IOException {
    Map<String, String> settings = settings(rules);
    Optional<IndexManifest> before = IndexManifest.newest(fileSystem, folder);
    if (!rebuild) {
      before.ifPresent(manifest -> manifest.requireSettings(settings, folder.toString()));
    }
    Map<String, Row> known = new TreeMap<>();
    before.ifPresent(manifest -> documents(manifest).collectAsList().forEach(row -> known.put(row.getString(0), row)));
    List<Listed> listed = source.list();
    Changes changes = Changes.of(listed, known, hashes(source, listed, known));
    if (deletions == Deletions.PLAUSIBLE && changes.deleted.size() > MOST_DELETED * changes.lived) {
      throw new DocumentsException(
          "%d of the %d documents at %s are gone since the last run; if that is so, say --allow-shrink"
              .formatted(changes.deleted.size(), changes.lived, source.place()),
          null);
    }
    Set<Integer> touched = new TreeSet<>();
    if (rebuild || before.isEmpty()) {
      for (int shard = 0; shard < rules.shards(); shard++) {
        touched.add(shard);
      }
    } else {
      changes.touched().forEach(docId -> touched.add(shard(docId, rules.shards())));
    }
    if (before.isPresent() && touched.isEmpty()) {
      return new Update(before.get(), 0, 0, 0, failed(known.values()), 0);
    }
    return build(source, rules, settings, rebuild ? Optional.empty() : before, known, changes, touched);
  }

  private Update build(
      DocumentSource source,
      Rules rules,
      Map<String, String> settings,
      Optional<IndexManifest> before,
      Map<String, Row> known,
      Changes changes,
      Set<Integer> touched)
      throws IOException {
    int version = IndexManifest.versions(fileSystem, folder).stream().mapToInt(IndexManifest::number).max().orElse(0) + 1;
    Map<Integer, List<Listed>> wanted = new TreeMap<>();
    touched.forEach(shard -> wanted.put(shard, new ArrayList<>()));
    for (Listed each : changes.listed) {
      List<Listed> of = wanted.get(shard(each.docId(), rules.shards()));
      if (of != null) {
        of.add(each);
      }
    }
    ShardBuilder builder =
        new ShardBuilder(new SerializableConfiguration(spark.sessionState().newHadoopConf()), folder.toString(), conf, rules);
    spark.sparkContext().setJobDescription("index: %d of %d shards".formatted(touched.size(), rules.shards()));
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
    List<Row> documents = documents(known, changes, built);
    IndexManifest manifest = new IndexManifest(version, settings, files, documents.stream().filter(row -> "OK".equals(row.getString(7)) && row.isNullAt(12)).count());
    spark.createDataFrame(documents, DOCUMENTS).coalesce(1).write().mode("overwrite").parquet(IndexManifest.documents(folder, version).toString());
    manifest.write(fileSystem, folder);
    removeOld();
    return new Update(manifest, changes.added.size(), changes.changed.size(), changes.deleted.size(), failed(documents), built.size());
  }

  private List<Row> documents(Map<String, Row> known, Changes changes, Map<Integer, ShardBuilder.Built> built) {
    Timestamp now = new Timestamp(System.currentTimeMillis());
    Map<String, Row> rows = new TreeMap<>(known);
    for (ShardBuilder.Built shard : built.values()) {
      for (ShardBuilder.DocumentResult each : shard.documents()) {
        Listed listed = each.listed();
        Row before = known.get(listed.docId());
        Object firstSeen = before == null ? now : before.get(11);
        rows.put(
            listed.docId(),
            RowFactory.create(
                listed.docId(), listed.uri(), each.sha256(), listed.mtime(), listed.length(), each.mime(), each.title(), each.status(), each.error(),
                each.passages(), each.removedHiddenCharacters(), firstSeen, null));
      }
    }
    for (String docId : changes.deleted) {
      Row row = known.get(docId);
      Object[] values = new Object[row.length()];
      for (int i = 0; i < values.length; i++) {
        values[i] = row.get(i);
      }
      values[12] = now;
      rows.put(docId, RowFactory.create(values));
    }
    return new ArrayList<>(rows.values());
  }

  private static long failed(Iterable<Row> documents) {
    long failed = 0;
    for (Row row : documents) {
      failed += row.isNullAt(12) && !"OK".equals(row.getString(7)) ? 1 : 0;
    }
    return failed;
  }

  /** The checksums of documents that may have changed: those of another length or time than before. */
  private Map<String, String> hashes(DocumentSource source, List<Listed> listed, Map<String, Row> known) {
    List<Listed> candidates =
        listed.stream()
            .filter(each -> each.sha256() == null && known.containsKey(each.docId()))
            .filter(each -> known.get(each.docId()).getLong(3) != each.mtime() || known.get(each.docId()).getLong(4) != each.length())
            .toList();
    if (candidates.isEmpty()) {
      return Map.of();
    }
    Map<Integer, List<Listed>> groups = new TreeMap<>();
    int parts = Math.max(1, spark.sparkContext().defaultParallelism());
    for (int i = 0; i < candidates.size(); i++) {
      groups.computeIfAbsent(i % parts, part -> new ArrayList<>()).add(candidates.get(i));
    }
    spark.sparkContext().setJobDescription("index: checksums of %d documents".formatted(candidates.size()));
    return new HashMap<>(
        source.contents(groups)
            .flatMapValues(contents -> contents.iterator())
            .mapToPair(pair -> new Tuple2<>(pair._2().listed().docId(), sha256(pair._2())))
            .collectAsMap());
  }

  private static String sha256(Content content) {
    try {
      return Hashes.sha256(content.read());
    } catch (IOException e) {
      // whatever it is, it is not what it was
      return "unreadable";
    }
  }

  private void removeOld() throws IOException {
    Set<String> used = new HashSet<>();
    int whole = 0;
    for (Path version : IndexManifest.versions(fileSystem, folder)) {
      Path manifest = new Path(version, "manifest.json");
      if (whole >= VERSIONS_KEPT || !fileSystem.exists(manifest)) {
        fileSystem.delete(version, true);
      } else {
        whole++;
        IndexManifest.read(fileSystem, manifest).shards().forEach(shard -> used.add(shard.file()));
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

  /** What has happened to the documents since the last run. */
  private static final class Changes {
    private final List<Listed> listed;
    private final Set<String> added = new TreeSet<>();
    private final Set<String> changed = new TreeSet<>();
    private final Set<String> deleted = new TreeSet<>();
    private long lived;

    private Changes(List<Listed> listed) {
      this.listed = listed;
    }

    static Changes of(List<Listed> listed, Map<String, Row> known, Map<String, String> hashes) {
      Changes changes = new Changes(listed);
      Map<String, Listed> there = new LinkedHashMap<>();
      listed.forEach(each -> there.put(each.docId(), each));
      for (Listed each : listed) {
        Row row = known.get(each.docId());
        if (row == null || !row.isNullAt(12)) {
          changes.added.add(each.docId());
        } else {
          String hash = each.sha256() != null ? each.sha256() : hashes.get(each.docId());
          if (hash != null && !hash.equals(row.getString(2))) {
            changes.changed.add(each.docId());
          }
        }
      }
      known.forEach(
          (docId, row) -> {
            if (row.isNullAt(12)) {
              changes.lived++;
              if (!there.containsKey(docId)) {
                changes.deleted.add(docId);
              }
            }
          });
      return changes;
    }

    Set<String> touched() {
      Set<String> all = new TreeSet<>(added);
      all.addAll(changed);
      all.addAll(deleted);
      return all;
    }
  }

  /** Builds shards, on executors. */
  private record ShardBuilder(SerializableConfiguration hadoop, String index, GemmaConf conf, Rules rules) implements Serializable {
    private static final long serialVersionUID = 1L;

    record Built(ShardFile file, List<DocumentResult> documents) implements Serializable {
      private static final long serialVersionUID = 1L;
    }

    record DocumentResult(
        Listed listed, String sha256, String mime, String title, String status, String error, int passages, int removedHiddenCharacters)
        implements Serializable {
      private static final long serialVersionUID = 1L;
    }

    Built build(int number, Iterable<Content> contents) throws IOException {
      java.nio.file.Path local = Files.createTempDirectory("gemma-shard");
      try {
        List<DocumentResult> documents = new ArrayList<>();
        try (Shard.Writer writer = new Shard.Writer(local, new PassageAnalyzer(rules.language()))) {
          PassageSplitter splitter = new PassageSplitter(ExecutorTokenizer.get(conf)::count, rules.sizes());
          for (Content content : contents) {
            documents.add(write(content, splitter, writer));
          }
        }
        return new Built(publish(number, local), documents);
      } finally {
        ShardFiles.delete(local);
      }
    }

    private static DocumentResult write(Content content, PassageSplitter splitter, Shard.Writer writer) throws IOException {
      DocumentReader.Outcome outcome = DocumentReader.read(content);
      List<Passage> passages = outcome.document().map(document -> splitter.split(content.listed().docId(), document)).orElse(List.of());
      String title = outcome.document().map(ParsedDocument::title).orElse(null);
      for (Passage passage : passages) {
        writer.add(new Shard.TitledPassage(passage, title));
      }
      return new DocumentResult(
          content.listed(), outcome.sha256(), outcome.mime(), title, outcome.status().name(), outcome.error(), passages.size(),
          outcome.document().map(ParsedDocument::removedHiddenCharacters).orElse(0));
    }

    private ShardFile publish(int number, java.nio.file.Path local) throws IOException {
      Shard.Statistics statistics;
      try (Shard shard = Shard.open(local)) {
        statistics = shard.statistics();
      }
      // by a name of its own: a task that is tried twice, or in two places at once, does no harm
      String name = "shard-%05d-%s.zip".formatted(number, java.util.UUID.randomUUID());
      Path target = IndexManifest.shard(new Path(index), name);
      try (OutputStream out = target.getFileSystem(hadoop.value()).create(target, false)) {
        ShardFiles.pack(local, out);
      }
      return new ShardFile(number, name, (int) statistics.passages(), statistics.terms(), statistics.pairs());
    }
  }
}
