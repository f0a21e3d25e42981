package dev.gemmaspark.spark.app;

import dev.gemmaspark.spark.rag.Citations;
import dev.gemmaspark.spark.rag.Retriever;
import java.sql.Timestamp;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.catalyst.expressions.GenericRowWithSchema;
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

  private static final String NO_ROOM =
      "the question and its best passage do not fit the model's context (spark.gemma.contextLength); shorten the question, or index shorter passages";

  /** What {@link Finish} takes: a question, or why there is none; its evidence; and what the model said, if it was asked. */
  static final StructType SAID =
      new StructType()
          .add("question_id", DataTypes.StringType)
          .add("question", DataTypes.StringType)
          .add("problem", DataTypes.StringType)
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

  /** What a citation has of a passage that does not exist. */
  private static final Row NOWHERE = new GenericRowWithSchema(new Object[Retriever.PASSAGE.size()], Retriever.PASSAGE);

  private AnswerTable() {}

  /**
   * Rows of {@link #SAID} into rows of {@link #SCHEMA}.
   *
   * @param model its name
   * @param promptVersion of the instruction
   * @param abstention how an answer begins that says that there is none
   * @param indexVersion of the passages
   * @param runId of this run
   * @param now when that is
   */
  record Finish(String model, String modelSha256, String promptVersion, String abstention, String indexVersion, String runId, Timestamp now)
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
      int found = said.fieldIndex("passages");
      List<Row> passages = said.isNullAt(found) ? List.of() : said.getList(found);
      Integer fitting = said.getAs("shown");
      List<Row> shown = passages.subList(0, Math.min(passages.size(), fitting == null ? 0 : fitting));
      String text = said.getAs("said");
      String problem = said.getAs("problem");
      String error = problem != null ? problem : !passages.isEmpty() && shown.isEmpty() ? NO_ROOM : said.getAs("error");
      if (!shown.isEmpty() && text == null && error == null) {
        throw new IllegalStateException("a question that has evidence was not asked");
      }
      Citations checked = Citations.check(text == null ? "" : text, shown.stream().map(passage -> passage.<String>getAs("text")).toList());
      Status status = error != null ? Status.ERROR : text == null || Citations.isAbstention(text, abstention) ? Status.NO_EVIDENCE : Status.ANSWERED;
      String by = said.getAs("run_id");
      Timestamp at = said.getAs("created_at");
      return RowFactory.create(
          said.getAs("question_id"),
          said.getAs("question"),
          text == null ? null : checked.answer(),
          status.name(),
          citations(checked, shown),
          retrieved(passages),
          model,
          modelSha256,
          promptVersion,
          indexVersion,
          said.getAs("prompt_tokens"),
          said.getAs("completion_tokens"),
          said.getAs("finish_reason"),
          shown.size() < passages.size(),
          error,
          by == null ? runId : by,
          at == null ? now : at);
    }

    private static Row[] citations(Citations checked, List<Row> shown) {
      return checked.citations().stream()
          .map(
              each -> {
                boolean exists = each.marker() >= 1 && each.marker() <= shown.size();
                Row passage = exists ? shown.get(each.marker() - 1) : NOWHERE;
                return RowFactory.create(
                    passage.getAs("doc_id"),
                    passage.getAs("chunk_id"),
                    passage.getAs("start"),
                    passage.getAs("end"),
                    passage.getAs("score"),
                    each.marker(),
                    each.start(),
                    each.end(),
                    each.valid());
              })
          .toArray(Row[]::new);
    }

    private static Row[] retrieved(List<Row> passages) {
      Row[] rows = new Row[passages.size()];
      for (int i = 0; i < rows.length; i++) {
        Row passage = passages.get(i);
        rows[i] = RowFactory.create(passage.getAs("chunk_id"), i + 1, passage.getAs("score"), passage.getAs("doc_id"));
      }
      return rows;
    }
  }
}
