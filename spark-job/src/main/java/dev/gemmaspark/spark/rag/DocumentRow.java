package dev.gemmaspark.spark.rag;

import java.sql.Timestamp;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * A row of an index's table of documents.
 *
 * @param sha256 of its contents; null where they could not be read
 * @param mtime as the file system has it, in milliseconds since 1970
 * @param error why there are no passages
 * @param firstSeen by a run
 * @param deletedAt when a run missed it; null while it is there
 */
record DocumentRow(
    String docId,
    String uri,
    String sha256,
    long mtime,
    long length,
    String mime,
    String title,
    String status,
    String error,
    int passages,
    int removedHiddenCharacters,
    Timestamp firstSeen,
    Timestamp deletedAt) {
  static final StructType SCHEMA =
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

  static DocumentRow of(Row row) {
    return new DocumentRow(
        row.getAs("doc_id"),
        row.getAs("uri"),
        row.getAs("content_sha256"),
        row.getAs("mtime"),
        row.getAs("length"),
        row.getAs("mime"),
        row.getAs("title"),
        row.getAs("parse_status"),
        row.getAs("parse_error"),
        row.getAs("passages"),
        row.getAs("removed_hidden_chars"),
        row.getAs("first_seen"),
        row.getAs("deleted_at"));
  }

  Row row() {
    return RowFactory.create(
        docId, uri, sha256, mtime, length, mime, title, status, error, passages, removedHiddenCharacters, firstSeen, deletedAt);
  }

  boolean isThere() {
    return deletedAt == null;
  }

  boolean isRead() {
    return status.equals(DocumentReader.Status.OK.name());
  }

  /** Whether not even its bytes could be read. */
  boolean isUnread() {
    return status.equals(DocumentReader.Status.FAILED.name()) && sha256 == null;
  }

  /** Whether a document may have changed, as far as is known without reading it. */
  boolean mayDiffer(Listed now) {
    return mtime != now.mtime() || length != now.length() || isUnread();
  }

  DocumentRow deleted(Timestamp now) {
    return new DocumentRow(docId, uri, sha256, mtime, length, mime, title, status, error, passages, removedHiddenCharacters, firstSeen, now);
  }
}
