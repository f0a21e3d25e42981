package dev.gemmaspark.spark.app;

import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.executor.ExecutorTokenizer;
import dev.gemmaspark.spark.executor.ModelLocation;
import dev.gemmaspark.spark.executor.TaskTokenizer;
import dev.gemmaspark.spark.rag.SentenceSplitter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.NoSuchElementException;
import java.util.function.UnaryOperator;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * Summaries of documents that may be longer than the context. A round cuts texts on the borders of sentences into parts that fit, and
 * summarizes the parts; a text of several parts goes into the next round as their summaries. No row leaves its partition for that: the parts
 * of a text are rows that follow each other.
 */
final class LongDocuments {
  /** How many parts a document was cut into. */
  static final String PARTS = "parts";

  /** What a call gives, as {@link BatchApplication} reads it. */
  static final String RESULT = "_gemma";

  /** With a context of 8192 tokens and summaries of 256 these are documents of some million tokens. */
  private static final int ROUNDS = 3;

  /** The template's control tokens, and what counting sentence by sentence may miss. */
  private static final int ALLOWANCE = 32;

  private static final int FEWEST_PART_TOKENS = 64;
  private static final String TEXT = "_gemma_text";
  private static final String POSITION = "_gemma_position";
  private static final String PART = "_gemma_part";

  private final GemmaConf conf;
  private final int partTokens;
  private final UnaryOperator<Column> call;

  /**
   * @param instruction that stands before every text
   * @param maxTokens of a summary
   * @param call summarizes the text of a column, with details and without failing
   */
  LongDocuments(GemmaConf conf, String instruction, int maxTokens, UnaryOperator<Column> call) {
    this.conf = conf;
    this.call = call;
    int context = ModelLocation.contextLength(conf);
    this.partTokens = context - maxTokens - ExecutorTokenizer.get(conf).count(instruction) - ALLOWANCE;
    if (partTokens < FEWEST_PART_TOKENS) {
      throw new UsageException(
          String.format(Locale.ROOT, "A context of %d tokens has no room for a document beside the instruction and --max-tokens %d; ask for fewer",
              context, maxTokens));
    }
  }

  /** Whether there may be a text longer than a part: no text has more tokens than bytes. */
  boolean mayBeIn(Dataset<Row> rows, Column text) {
    Row longest = rows.agg(functions.max(functions.octet_length(text))).first();
    return !longest.isNullAt(0) && longest.getInt(0) > partTokens;
  }

  /** Adds {@link #RESULT} and {@link #PARTS}. */
  Dataset<Row> summarize(Dataset<Row> rows, Column text) {
    StructType schema = rows.schema();
    Dataset<Row> done = rows.withColumn(RESULT, functions.lit(null).cast(State.TYPE)).withColumn(PARTS, functions.lit(null).cast("int")).withColumn(TEXT, text);
    for (int round = 0; round < ROUNDS; round++) {
      done = round(done, schema);
    }
    Column tooLong =
        functions.named_struct(
            functions.lit("result"), functions.lit(null).cast("string"),
            functions.lit("finishReason"), functions.lit(null).cast("string"),
            functions.lit("promptTokens"), functions.col(RESULT).getField("promptTokens"),
            functions.lit("completionTokens"), functions.col(RESULT).getField("completionTokens"),
            functions.lit("errorMessage"),
            functions.lit("PROMPT_TOO_LONG: the summaries of the summaries do not fit the context either; ask for shorter ones, or raise the context length"));
    return done.withColumn(RESULT, functions.when(functions.col(TEXT).isNotNull(), tooLong).otherwise(functions.col(RESULT))).drop(TEXT);
  }

  private Dataset<Row> round(Dataset<Row> rows, StructType schema) {
    Column parts = functions.udf(new Cut(new TaskTokenizer(conf), partTokens), DataTypes.createArrayType(DataTypes.StringType)).apply(functions.col(TEXT));
    List<Column> columns = new ArrayList<>(Arrays.stream(rows.columns()).filter(name -> !name.equals(TEXT)).map(BatchApplication::column).toList());
    columns.add(functions.posexplode_outer(parts).as(new String[] {POSITION, PART}));
    Dataset<Row> called = rows.select(columns.toArray(Column[]::new)).withColumn("_gemma_of_part", call.apply(functions.col(PART)));
    StructType joined = schema.add(RESULT, State.TYPE).add(PARTS, DataTypes.IntegerType).add(TEXT, DataTypes.StringType);
    return called.mapPartitions(new Joined(schema.size()), Encoders.row(joined));
  }

  /** A text's parts. */
  private record Cut(TaskTokenizer tokenizer, int partTokens) implements UDF1<String, String[]> {
    private static final long serialVersionUID = 1L;

    @Override
    public String[] call(String text) {
      if (text == null) {
        return null;
      }
      List<SentenceSplitter.Span> pieces = new SentenceSplitter(tokenizer::count).pieces(text, partTokens);
      return pieces.size() <= 1
          ? new String[] {text}
          : pieces.stream().map(span -> text.substring(span.start(), span.end()).strip()).toArray(String[]::new);
    }
  }

  /** What is known of a row after a round. */
  private static final class State {
    static final StructType TYPE =
        new StructType()
            .add("result", DataTypes.StringType)
            .add("finishReason", DataTypes.StringType)
            .add("promptTokens", DataTypes.IntegerType)
            .add("completionTokens", DataTypes.IntegerType)
            .add("errorMessage", DataTypes.StringType);

    private final Row first;
    private final int width;
    private final List<String> texts = new ArrayList<>();
    private int parts;
    private int promptTokens;
    private int completionTokens;
    private String finishReason;
    private String error;

    State(Row first, int width) {
      this.first = first;
      this.width = width;
      if (!first.isNullAt(width)) {
        Row before = first.getStruct(width);
        promptTokens = before.getInt(2);
        completionTokens = before.getInt(3);
      }
    }

    void add(Row part) {
      Row result = part.getStruct(width + 4);
      parts++;
      if (result == null) {
        return;
      }
      if (!result.isNullAt(4)) {
        error = error == null ? "part " + parts + ": " + result.getString(4) : error;
        return;
      }
      texts.add(result.getString(0));
      finishReason = result.getString(1);
      promptTokens += result.getInt(2);
      completionTokens += result.getInt(3);
    }

    /** The row, with its result or with what the next round summarizes. */
    Row row() {
      Object[] values = new Object[width + 3];
      for (int i = 0; i < width; i++) {
        values[i] = first.get(i);
      }
      if (first.isNullAt(width + 2)) {
        // nothing to do in this round
        values[width] = first.get(width);
        values[width + 1] = first.get(width + 1);
        return RowFactory.create(values);
      }
      boolean whole = error == null && parts == 1;
      String message = error != null && parts == 1 ? error.substring("part 1: ".length()) : error;
      values[width] =
          whole && texts.isEmpty() ? null : RowFactory.create(whole ? texts.getFirst() : null, error == null ? finishReason : null, promptTokens, completionTokens, message);
      values[width + 1] = first.isNullAt(width + 1) ? Integer.valueOf(parts) : first.get(width + 1);
      values[width + 2] = error == null && parts > 1 ? String.join("\n", texts) : null;
      return RowFactory.create(values);
    }
  }

  /**
   * Rows of parts, back into rows of texts.
   *
   * @param width columns of the input, before: result, parts, position, part, result of the part
   */
  private record Joined(int width) implements MapPartitionsFunction<Row, Row> {
    private static final long serialVersionUID = 1L;

    @Override
    public Iterator<Row> call(Iterator<Row> parts) {
      return new Iterator<>() {
        private Row ahead = parts.hasNext() ? parts.next() : null;

        @Override
        public boolean hasNext() {
          return ahead != null;
        }

        @Override
        public Row next() {
          if (ahead == null) {
            throw new NoSuchElementException();
          }
          State state = new State(ahead, width);
          do {
            state.add(ahead);
            ahead = parts.hasNext() ? parts.next() : null;
          } while (ahead != null && !ahead.isNullAt(width + 2) && ahead.getInt(width + 2) > 0);
          return state.row();
        }
      };
    }
  }
}
