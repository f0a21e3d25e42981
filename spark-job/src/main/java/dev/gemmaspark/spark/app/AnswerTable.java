package dev.gemmaspark.spark.app;

import dev.gemmaspark.spark.rag.Citations;
import dev.gemmaspark.spark.rag.Retriever;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** The output of {@code answer}: what its columns are, and how a row of it is made of what the model said. */
final class AnswerTable {
  static final StructType CITATION =
      new StructType()
          .add("doc_id", DataTypes.StringType)
          .add("chunk_id", DataTypes.StringType)
          .add("start", DataTypes.IntegerType)
          .add("end", DataTypes.IntegerType)
          .add("score", DataTypes.DoubleType)
          .add("marker", DataTypes.IntegerType)
          .add("answer_start", DataTypes.IntegerType)
          .add("answer_end", DataTypes.IntegerType)
          .add("valid", DataTypes.BooleanType);

  static final StructType RETRIEVED =
      new StructType()
          .add("chunk_id", DataTypes.StringType)
          .add("rank", DataTypes.IntegerType)
          .add("score", DataTypes.DoubleType)
          .add("doc_id", DataTypes.StringType);

  static final StructType SCHEMA =
      new StructType()
          .add("question_id", DataTypes.StringType)
          .add("question", DataTypes.StringType)
          .add("answer", DataTypes.StringType)
          .add("answer_status", DataTypes.StringType)
          .add("citations", DataTypes.createArrayType(CITATION))
          .add("retrieved", DataTypes.createArrayType(RETRIEVED))
          .add("model", DataTypes.StringType)
          .add("model_sha256", DataTypes.StringType)
          .add("prompt_version", DataTypes.StringType)
          .add("index_version", DataTypes.StringType)
          .add("prompt_tokens", DataTypes.IntegerType)
          .add("completion_tokens", DataTypes.IntegerType)
          .add("finish_reason", DataTypes.StringType)
          .add("truncated", DataTypes.BooleanType)
          .add("error", DataTypes.StringType)
          .add("run_id", DataTypes.StringType)
          .add("created_at", DataTypes.TimestampType);

  /** What {@link Finish} takes: a question, its evidence, and what the model said, if it was asked. */
  static final StructType SAID =
      new StructType()
          .add("question_id", DataTypes.StringType)
          .add("question", DataTypes.StringType)
          .add("passages", DataTypes.createArrayType(Retriever.PASSAGE))
          .add("shown", DataTypes.IntegerType)
          .add("said", DataTypes.StringType)
          .add("finish_reason", DataTypes.StringType)
          .add("prompt_tokens", DataTypes.IntegerType)
          .add("completion_tokens", DataTypes.IntegerType)
          .add("error", DataTypes.StringType)
          .add("run_id", DataTypes.StringType)
          .add("created_at", DataTypes.TimestampType);

  /** Whether there is an answer. */
  enum Status {
    ANSWERED,
    /** Nothing was found, or the model says that the passages do not say. */
    NO_EVIDENCE,
    ERROR
  }

  private AnswerTable() {}

  /**
   * Rows of {@link #SAID} into rows of {@link #SCHEMA}.
   *
   * @param model its name
   * @param promptVersion of the instruction
   * @param indexVersion of the passages
   * @param runId of this run
   * @param now when that is
   */
  record Finish(String model, String modelSha256, String promptVersion, String indexVersion, String runId, Timestamp now)
      implements MapPartitionsFunction<Row, Row> {
    private static final long serialVersionUID = 1L;

    @Override
    public Iterator<Row> call(Iterator<Row> rows) {
      return new Iterator<>() {
        @Override
        public boolean hasNext() {
          return rows.hasNext();
        }

        @Override
        public Row next() {
          return row(rows.next());
        }
      };
    }

    private Row row(Row said) {
      List<Row> passages = said.isNullAt(2) ? List.of() : said.getList(2);
      List<Row> shown = passages.subList(0, Math.min(passages.size(), said.isNullAt(3) ? 0 : said.getInt(3)));
      String text = said.getString(4);
      String error = said.getString(8);
      Citations checked = Citations.check(text == null ? "" : text, shown.stream().map(passage -> passage.getString(5)).toList());
      Status status = error != null ? Status.ERROR : text == null || Citations.isAbstention(text) ? Status.NO_EVIDENCE : Status.ANSWERED;
      return RowFactory.create(
          said.getString(0),
          said.getString(1),
          text == null ? null : checked.answer(),
          status.name(),
          citations(checked, shown),
          retrieved(passages),
          model,
          modelSha256,
          promptVersion,
          indexVersion,
          said.get(6),
          said.get(7),
          said.get(5),
          shown.size() < passages.size(),
          error,
          said.isNullAt(9) ? runId : said.getString(9),
          said.isNullAt(10) ? now : said.getTimestamp(10));
    }

    private static Row[] citations(Citations checked, List<Row> shown) {
      List<Row> rows = new ArrayList<>();
      for (Citations.Citation each : checked.citations()) {
        boolean exists = each.marker() >= 1 && each.marker() <= shown.size();
        Row passage = exists ? shown.get(each.marker() - 1) : null;
        rows.add(
            RowFactory.create(
                exists ? passage.get(1) : null,
                exists ? passage.get(0) : null,
                exists ? passage.get(2) : null,
                exists ? passage.get(3) : null,
                exists ? passage.get(7) : null,
                each.marker(),
                each.start(),
                each.end(),
                each.valid()));
      }
      return rows.toArray(Row[]::new);
    }

    private static Row[] retrieved(List<Row> passages) {
      List<Row> rows = new ArrayList<>();
      for (Row passage : passages) {
        rows.add(RowFactory.create(passage.get(0), rows.size() + 1, passage.get(7), passage.get(1)));
      }
      return rows.toArray(Row[]::new);
    }
  }
}
