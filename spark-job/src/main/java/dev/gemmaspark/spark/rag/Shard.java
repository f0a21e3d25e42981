package dev.gemmaspark.spark.rag;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.SortedDocValuesField;
import org.apache.lucene.document.StoredField;
import org.apache.lucene.document.StringField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.StoredFields;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.BooleanClause;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.CollectionStatistics;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.Sort;
import org.apache.lucene.search.SortField;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.search.TermStatistics;
import org.apache.lucene.search.TopDocs;
import org.apache.lucene.search.similarities.BM25Similarity;
import org.apache.lucene.store.Directory;
import org.apache.lucene.store.MMapDirectory;
import org.apache.lucene.util.BytesRef;

/**
 * A Lucene index of some passages, in a folder of this machine. Scores are BM25 with the statistics of all shards, so that the ranking is that of
 * one index; passages of equal scores rank by their ids, in whose order they are stored. Safe for use by many threads.
 */
final class Shard implements AutoCloseable {
  /** What is searched: title, headings and text. */
  private static final String SEARCHED = "searched";

  private static final String ID = "chunk_id";
  private static final int QUERY_TERMS = PassageAnalyzer.MOST_TERMS * 2;

  /** Held, for a level that nobody holds is forgotten. */
  private static final java.util.logging.Logger LUCENE = java.util.logging.Logger.getLogger("org.apache.lucene");

  static {
    // it tells of the vector module, which it does not need
    LUCENE.setLevel(java.util.logging.Level.WARNING);
  }

  private final Directory directory;
  private final DirectoryReader reader;

  /**
   * What BM25 knows of passages as a whole. Sums over shards are those of all.
   *
   * @param passages that have a term
   * @param terms in all of them
   * @param pairs of a passage and a term that it has
   */
  record Statistics(long passages, long terms, long pairs) {
    static final Statistics NONE = new Statistics(0, 0, 0);

    Statistics plus(Statistics other) {
      return new Statistics(passages + other.passages, terms + other.terms, pairs + other.pairs);
    }
  }

  /**
   * How often a term occurs.
   *
   * @param passages that have it
   * @param times in all of them
   */
  record Frequency(long passages, long times) implements java.io.Serializable {
    private static final long serialVersionUID = 1L;

    Frequency plus(Frequency other) {
      return new Frequency(passages + other.passages, times + other.times);
    }
  }

  /**
   * How strongly repetition and length count.
   *
   * @param k1 0 counts a term once, however often it is there
   * @param b 0 takes no notice of a passage's length, 1 all
   */
  record Bm25(float k1, float b) implements java.io.Serializable {
    private static final long serialVersionUID = 1L;
    static final Bm25 DEFAULT = new Bm25(0.9f, 0.4f);
  }

  /** A passage that was found. */
  record Hit(Passage passage, String title, float score) implements java.io.Serializable {
    private static final long serialVersionUID = 1L;
    static final Comparator<Hit> BEST_FIRST =
        Comparator.comparing(Hit::score, Comparator.reverseOrder()).thenComparing(hit -> hit.passage().chunkId());
  }

  private Shard(Directory directory, DirectoryReader reader) {
    this.directory = directory;
    this.reader = reader;
  }

  /** Writes an index into a folder, which may be missing. Closing it makes it whole. */
  static final class Writer implements AutoCloseable {
    private final Directory directory;
    private final IndexWriter writer;

    Writer(Path folder, PassageAnalyzer analyzer) throws IOException {
      directory = directory(folder);
      writer =
          new IndexWriter(
              directory,
              new IndexWriterConfig(analyzer).setIndexSort(new Sort(new SortField(ID, SortField.Type.STRING))).setUseCompoundFile(false));
    }

    void add(TitledPassage passage) throws IOException {
      writer.addDocument(document(passage));
    }

    @Override
    public void close() throws IOException {
      try (directory;
          writer) {
        writer.forceMerge(1);
      }
    }
  }

  /** A passage, and its document's title. */
  record TitledPassage(Passage passage, String title) {}

  private static Document document(TitledPassage titled) {
    Passage passage = titled.passage();
    Document document = new Document();
    document.add(new StringField(ID, passage.chunkId(), Field.Store.YES));
    document.add(new SortedDocValuesField(ID, new BytesRef(passage.chunkId())));
    document.add(new TextField(SEARCHED, titled.title() + "\n" + passage.headings() + "\n" + passage.text(), Field.Store.NO));
    document.add(new StoredField("doc_id", passage.docId()));
    document.add(new StoredField("title", titled.title()));
    document.add(new StoredField("headings", passage.headings()));
    document.add(new StoredField("text", passage.text()));
    document.add(new StoredField("position", passage.position()));
    document.add(new StoredField("start", passage.start()));
    document.add(new StoredField("end", passage.end()));
    document.add(new StoredField("tokens", passage.tokens()));
    return document;
  }

  private static Directory directory(Path folder) throws IOException {
    return new MMapDirectory(folder);
  }

  /** Opens an index for searching. */
  static Shard open(Path folder) throws IOException {
    Directory directory = directory(folder);
    try {
      return new Shard(directory, DirectoryReader.open(directory));
    } catch (IOException | RuntimeException e) {
      directory.close();
      throw e;
    }
  }

  int passages() {
    return reader.numDocs();
  }

  Statistics statistics() throws IOException {
    CollectionStatistics all = new IndexSearcher(reader).collectionStatistics(SEARCHED);
    return all == null ? Statistics.NONE : new Statistics(all.docCount(), all.sumTotalTermFreq(), all.sumDocFreq());
  }

  /** How often terms occur here; those that do not are left out. */
  Map<String, Frequency> frequencies(Collection<String> terms) throws IOException {
    Map<String, Frequency> frequencies = new HashMap<>();
    for (String text : terms) {
      Term term = new Term(SEARCHED, text);
      int passages = reader.docFreq(term);
      if (passages > 0) {
        frequencies.put(text, new Frequency(passages, reader.totalTermFreq(term)));
      }
    }
    return frequencies;
  }

  /** All passages, in the order of their ids. */
  List<Hit> all() throws IOException {
    List<Hit> all = new ArrayList<>();
    StoredFields fields = reader.storedFields();
    for (int i = 0; i < reader.maxDoc(); i++) {
      all.add(hit(fields.document(i), 0));
    }
    return all;
  }

  /** Searches many questions with the statistics of all shards. */
  Search search(Statistics all, Map<String, Frequency> frequencies, Bm25 bm25) {
    return new Search(all, frequencies, bm25);
  }

  @Override
  public void close() throws IOException {
    reader.close();
    directory.close();
  }

  private static Hit hit(Document document, float score) {
    Passage passage =
        new Passage(
            document.get(ID),
            document.get("doc_id"),
            document.getField("position").numericValue().intValue(),
            document.getField("start").numericValue().intValue(),
            document.getField("end").numericValue().intValue(),
            document.get("headings"),
            document.get("text"),
            document.getField("tokens").numericValue().intValue());
    return new Hit(passage, document.get("title"), score);
  }

  /** A searcher that has the numbers of all shards for those of this one. */
  final class Search extends IndexSearcher {
    private final Statistics all;
    private final Map<String, Frequency> frequencies;

    private Search(Statistics all, Map<String, Frequency> frequencies, Bm25 bm25) {
      super(reader);
      this.all = all;
      this.frequencies = frequencies;
      setSimilarity(new BM25Similarity(bm25.k1(), bm25.b()));
      setQueryCache(null);
    }

    @Override
    public TermStatistics termStatistics(Term term, int docFreq, long totalTermFreq) {
      Frequency frequency = frequencies.get(term.text());
      if (frequency == null) {
        throw new IllegalStateException("a term of this shard is in none");
      }
      return new TermStatistics(term.bytes(), frequency.passages(), frequency.times());
    }

    @Override
    public CollectionStatistics collectionStatistics(String field) {
      return all.passages() == 0 ? null : new CollectionStatistics(field, all.passages(), all.passages(), all.terms(), all.pairs());
    }

    /**
     * The best passages for some terms, best first.
     *
     * @param terms of the question; of those that {@link PassageAnalyzer#isIdentifier name something} a passage must have one
     */
    List<Hit> best(List<String> terms, int count) throws IOException {
      if (terms.isEmpty() || reader.maxDoc() == 0) {
        return List.of();
      }
      TopDocs found = search(query(terms), count);
      List<Hit> hits = new ArrayList<>();
      StoredFields fields = reader.storedFields();
      for (ScoreDoc each : found.scoreDocs) {
        hits.add(hit(fields.document(each.doc), each.score));
      }
      return hits;
    }

    private Query query(List<String> terms) {
      IndexSearcher.setMaxClauseCount(Math.max(IndexSearcher.getMaxClauseCount(), QUERY_TERMS));
      BooleanQuery.Builder identifiers = new BooleanQuery.Builder();
      BooleanQuery.Builder query = new BooleanQuery.Builder();
      boolean named = false;
      for (String term : terms) {
        Query one = new TermQuery(new Term(SEARCHED, term));
        if (PassageAnalyzer.isIdentifier(term)) {
          identifiers.add(one, BooleanClause.Occur.SHOULD);
          named = true;
        } else {
          query.add(one, BooleanClause.Occur.SHOULD);
        }
      }
      if (named) {
        query.add(identifiers.build(), BooleanClause.Occur.MUST);
      }
      return query.build();
    }
  }
}
