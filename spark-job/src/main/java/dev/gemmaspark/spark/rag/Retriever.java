package dev.gemmaspark.spark.rag;

import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.executor.ModelLocation;
import dev.gemmaspark.spark.rag.IndexManifest.ShardFile;
import dev.gemmaspark.spark.rag.Shard.Bm25;
import dev.gemmaspark.spark.rag.Shard.Frequency;
import dev.gemmaspark.spark.rag.Shard.Hit;
import dev.gemmaspark.spark.rag.Shard.Statistics;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.SerializableConfiguration;
import scala.Tuple2;

/**
 * The best passages for questions. Every shard is searched by a task of its own, for all questions, with the statistics of all shards; what
 * they find is merged by question. Passages that say the same as a better one are dropped.
 */
public final class Retriever {
  /** A passage as a column: its rank is its place in the array. */
  public static final StructType PASSAGE =
      new StructType()
          .add("chunk_id", DataTypes.StringType)
          .add("doc_id", DataTypes.StringType)
          .add("start", DataTypes.IntegerType)
          .add("end", DataTypes.IntegerType)
          .add("title", DataTypes.StringType)
          .add("text", DataTypes.StringType)
          .add("tokens", DataTypes.IntegerType)
          .add("score", DataTypes.DoubleType);

  private static final StructType FOUND =
      new StructType().add("question", DataTypes.StringType).add("passages", DataTypes.createArrayType(PASSAGE));

  /** What of equal word triples makes two passages the same. */
  private static final double SAME = 0.9;

  private static final int WORDS = 3;

  private final SparkSession spark;
  private final IndexManifest manifest;
  private final Search search;

  /**
   * @param index where the passages are
   * @param manifest of the version to search
   */
  public Retriever(SparkSession spark, GemmaConf conf, PassageIndex index, IndexManifest manifest) {
    this.spark = spark;
    this.manifest = manifest;
    this.search =
        new Search(
            new SerializableConfiguration(spark.sessionState().newHadoopConf()),
            index.folder().toString(),
            conf,
            Language.of(manifest.settings().get("language")));
  }

  /**
   * The best passages of each question, best first: columns {@code question} and {@code passages}, of {@link #PASSAGE}. A question for which
   * nothing was found has no row.
   *
   * @param questions different ones
   * @param count of a question's passages, at the most
   * @param k1 of BM25
   * @param b of BM25
   */
  public Dataset<Row> best(List<String> questions, int count, float k1, float b) {
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    PassageAnalyzer analyzer = new PassageAnalyzer(search.language);
    List<ArrayList<String>> terms = questions.stream().map(question -> new ArrayList<>(analyzer.terms(question))).toList();
    Set<String> all = new TreeSet<>();
    terms.forEach(all::addAll);
    Bm25 bm25 = new Bm25(k1, b);
    Statistics statistics = manifest.shards().stream().map(ShardFile::statistics).reduce(Statistics.NONE, Statistics::plus);
    List<ShardFile> filled = manifest.shards().stream().filter(shard -> shard.passages() > 0).toList();
    if (filled.isEmpty() || questions.isEmpty()) {
      return spark.createDataFrame(List.of(), FOUND);
    }
    Search search = this.search;
    JavaRDD<ShardFile> shards = context.parallelize(filled, filled.size());
    spark.sparkContext().setJobDescription(String.format(Locale.ROOT, "terms of %d questions", questions.size()));
    Broadcast<ArrayList<String>> wanted = context.broadcast(new ArrayList<>(all));
    Map<String, Frequency> frequencies = new HashMap<>();
    for (Map<String, Frequency> each : shards.map(shard -> search.frequencies(shard, wanted.value())).collect()) {
      each.forEach((term, frequency) -> frequencies.merge(term, frequency, Frequency::plus));
    }
    spark.sparkContext().setJobDescription(String.format(Locale.ROOT, "search for %d questions", questions.size()));
    // more than asked for, because some may say the same
    int candidates = 2 * count + 4;
    long passages = statistics.passages();
    long occurrences = statistics.terms();
    long pairs = statistics.pairs();
    Broadcast<ArrayList<ArrayList<String>>> asked = context.broadcast(new ArrayList<>(terms));
    Broadcast<HashMap<String, Frequency>> known = context.broadcast(new HashMap<>(frequencies));
    Broadcast<ArrayList<String>> texts = context.broadcast(new ArrayList<>(questions));
    JavaPairRDD<Integer, ArrayList<Hit>> hits =
        shards
            .flatMapToPair(
                shard -> search.best(shard, asked.value(), new Statistics(passages, occurrences, pairs), known.value(), bm25, candidates).iterator())
            .reduceByKey((one, other) -> merge(one, other, candidates));
    JavaRDD<Row> rows = hits.map(pair -> RowFactory.create(texts.value().get(pair._1()), rows(distinct(pair._2(), count))));
    return spark.createDataFrame(rows, FOUND);
  }

  private static ArrayList<Hit> merge(List<Hit> one, List<Hit> other, int count) {
    ArrayList<Hit> both = new ArrayList<>(one);
    both.addAll(other);
    both.sort(Hit.BEST_FIRST);
    return new ArrayList<>(both.subList(0, Math.min(count, both.size())));
  }

  private static List<Hit> distinct(List<Hit> hits, int count) {
    List<Hit> kept = new ArrayList<>();
    List<Set<String>> seen = new ArrayList<>();
    for (Hit hit : hits) {
      Set<String> triples = triples(hit.passage().text());
      if (kept.size() < count && seen.stream().noneMatch(other -> isSame(triples, other))) {
        kept.add(hit);
        seen.add(triples);
      }
    }
    return kept;
  }

  private static boolean isSame(Set<String> one, Set<String> other) {
    long common = one.stream().filter(other::contains).count();
    return common >= SAME * (one.size() + other.size() - common);
  }

  private static Set<String> triples(String text) {
    String[] words = text.toLowerCase(Locale.ROOT).split("\\s+");
    Set<String> triples = new HashSet<>();
    for (int i = 0; i + WORDS <= Math.max(WORDS, words.length); i++) {
      triples.add(String.join(" ", List.of(words).subList(i, Math.min(words.length, i + WORDS))));
    }
    return triples;
  }

  private static Row[] rows(List<Hit> hits) {
    return hits.stream().map(hit -> row(hit)).toArray(Row[]::new);
  }

  private static Row row(Hit hit) {
    Passage passage = hit.passage();
    return RowFactory.create(
        passage.chunkId(), passage.docId(), passage.start(), passage.end(), hit.title(), passage.text(), passage.tokens(), (double) hit.score());
  }

  /** All passages, a row for each: {@link #PASSAGE}, its score 0. */
  public Dataset<Row> all() {
    Search search = this.search;
    List<ShardFile> filled = manifest.shards().stream().filter(shard -> shard.passages() > 0).toList();
    return spark.createDataFrame(
        JavaSparkContext.fromSparkContext(spark.sparkContext())
            .parallelize(filled, Math.max(1, filled.size()))
            .flatMap(shard -> search.all(shard).stream().map(Retriever::row).iterator()),
        PASSAGE);
  }

  /** What tasks do. */
  private record Search(SerializableConfiguration hadoop, String index, GemmaConf conf, Language language) implements Serializable {
    private static final long serialVersionUID = 1L;

    private Shard open(ShardFile shard) throws IOException {
      org.apache.hadoop.fs.Path file = IndexManifest.shard(new org.apache.hadoop.fs.Path(index), shard.file());
      return ShardFiles.open(file.getFileSystem(hadoop.value()), file, ModelLocation.cacheDirectory(conf));
    }

    Map<String, Frequency> frequencies(ShardFile file, List<String> terms) throws IOException {
      try (Shard shard = open(file)) {
        return shard.frequencies(terms);
      }
    }

    List<Tuple2<Integer, ArrayList<Hit>>> best(
        ShardFile file, List<ArrayList<String>> questions, Statistics all, Map<String, Frequency> frequencies, Bm25 bm25, int count) throws IOException {
      List<Tuple2<Integer, ArrayList<Hit>>> found = new ArrayList<>();
      try (Shard shard = open(file)) {
        Shard.Search searcher = shard.search(all, frequencies, bm25);
        for (int i = 0; i < questions.size(); i++) {
          List<Hit> hits = searcher.best(questions.get(i), count);
          if (!hits.isEmpty()) {
            found.add(new Tuple2<>(i, new ArrayList<>(hits)));
          }
        }
      }
      return found;
    }

    List<Hit> all(ShardFile file) throws IOException {
      try (Shard shard = open(file)) {
        return shard.all();
      }
    }
  }
}
