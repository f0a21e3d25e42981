package dev.gemmaspark.spark.app;

import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.rag.DocumentSource;
import dev.gemmaspark.spark.rag.Language;
import dev.gemmaspark.spark.rag.PassageIndex;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Option;

/** Which documents, and how they are indexed. */
final class IndexOptions {
  /** Documents that failed. */
  private static final int MOST_SHOWN = 5;

  enum DocumentsFormat {
    FILES,
    PARQUET,
    JSON,
    CSV,
    ORC
  }

  @Option(
      names = "--documents",
      paramLabel = "PATH",
      description = "A folder of text, Markdown and HTML files (and PDF and Office with Tika), with those below it; or a table, see --documents-format.")
  private String documents;

  @Option(
      names = "--documents-format",
      paramLabel = "F",
      defaultValue = "files",
      description = "files; or parquet, json, csv or orc, whose rows are documents (default: ${DEFAULT-VALUE}).")
  private DocumentsFormat format;

  @Option(
      names = "--documents-option",
      paramLabel = "KEY=VALUE",
      description = "Of a table: of Spark's reader of its format, such as encoding=windows-1252 or delimiter=;; may be repeated.")
  private Map<String, String> more = new TreeMap<>();

  @Option(names = "--document-id-column", paramLabel = "C", defaultValue = "id", description = "Of a table: what names a document (default: ${DEFAULT-VALUE}).")
  private String idColumn;

  @Option(names = "--text-column", paramLabel = "C", defaultValue = "text", description = "Of a table: the documents, in Markdown (default: ${DEFAULT-VALUE}).")
  private String textColumn;

  @Option(names = "--title-column", paramLabel = "C", description = "Of a table: their titles.")
  private String titleColumn;

  @Option(
      names = "--language",
      paramLabel = "L",
      defaultValue = "english",
      description = "english takes endings off words and leaves the commonest out; none does not (default: ${DEFAULT-VALUE}).")
  private Language language;

  @Option(names = "--shards", paramLabel = "N", defaultValue = "8", description = "Parts that are built and searched side by side (default: ${DEFAULT-VALUE}).")
  private int shards;

  @Option(names = "--rebuild", description = "Make the index anew, also by other rules than it had.")
  private boolean rebuild;

  @Option(names = "--allow-shrink", description = "Go on where more than half of the documents are gone.")
  private boolean allowShrink;

  boolean hasDocuments() {
    return documents != null;
  }

  /** Fails where the documents are in a folder that is written, or the other way round. */
  void requireApart(Configuration hadoop, String option, String written) throws IOException {
    if (documents != null) {
      Apart.require(hadoop, "--documents", documents, option, written);
    }
  }

  /** Brings an index up to date with the documents, and tells of it. */
  void update(SparkSession spark, GemmaConf conf, PassageIndex index, PrintWriter out) throws IOException {
    PassageIndex.Update update =
        index.update(
            source(spark),
            PassageIndex.Rules.DEFAULT.with(language, shards),
            rebuild ? PassageIndex.Scope.ALL : allowShrink ? PassageIndex.Scope.CHANGES_HOWEVER_MANY : PassageIndex.Scope.CHANGES);
    long passages = update.manifest().shards().stream().mapToLong(shard -> shard.passages()).sum();
    out.printf(
        Locale.ROOT,
        "%s%,d documents with %,d passages: %,d new, %,d changed, %,d deleted, %,d failed; %d of %d shards built, version %d%n",
        update.failed() == 0 ? "" : String.format(Locale.ROOT, "%,d of ", update.manifest().documents()),
        update.manifest().documents() + update.failed(), passages, update.added(), update.changed(), update.deleted(), update.failed(), update.shardsBuilt(),
        update.manifest().shards().size(), update.manifest().version());
    Dataset<Row> guessed = index.documents(update.manifest()).where("deleted_at IS NULL AND parse_status = 'OK' AND parse_error IS NOT NULL");
    long guesses = guessed.count();
    if (guesses > 0) {
      out.printf(Locale.ROOT, "  the encoding of %,d of them was guessed, of %s first: %s%n", guesses, guessed.first().getString(0), guessed.first().getAs("parse_error"));
    }
    if (update.failed() > 0) {
      index.documents(update.manifest()).where("deleted_at IS NULL AND parse_status <> 'OK'").limit(MOST_SHOWN).collectAsList()
          .forEach(row -> out.printf(Locale.ROOT, "  %s: %s, %s%n", row.getString(0), row.getAs("parse_status"), row.getAs("parse_error")));
    }
    if (update.failed() > MOST_SHOWN) {
      out.printf(Locale.ROOT, "  and %,d more%n", update.failed() - MOST_SHOWN);
    }
  }

  private DocumentSource source(SparkSession spark) {
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    if (format == DocumentsFormat.FILES) {
      return DocumentSource.folder(context, spark.sessionState().newHadoopConf(), documents);
    }
    InputFiles files = new InputFiles(InputFiles.Format.valueOf(format.name()), documents, "--documents", more);
    Dataset<Row> rows = files.read(spark);
    InputFiles.requireColumn(rows, "--document-id-column", idColumn, null);
    InputFiles.requireColumn(rows, "--text-column", textColumn, org.apache.spark.sql.types.DataTypes.StringType);
    if (titleColumn != null) {
      InputFiles.requireColumn(rows, "--title-column", titleColumn, null);
    }
    return DocumentSource.table(
        context, files.whole(rows, List.of(textColumn)), documents, BatchApplication.column(idColumn), BatchApplication.column(textColumn),
        titleColumn == null ? null : BatchApplication.column(titleColumn));
  }
}
