package dev.gemmaspark.spark.execution;

import dev.gemmaspark.engine.arrow.GenerationSchema;
import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.generation.GenerationFailure;
import dev.gemmaspark.spark.execution.GemmaMetrics.Metric;
import dev.gemmaspark.spark.executor.ModelFailedException;
import dev.gemmaspark.spark.executor.RowFailedException;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.unsafe.types.UTF8String;

/** The results of one call for a batch of rows, out of Arrow columns into the values that Spark has for them. */
final class ResultColumns {
  private final CallSpec call;
  private final VectorSchemaRoot root;
  private final Map<Integer, String> errors;
  private int requests;

  ResultColumns(CallSpec call, VectorSchemaRoot root, Map<Integer, String> errors) {
    this.call = call;
    this.root = root;
    this.errors = errors;
  }

  /**
   * The value of the next row.
   *
   * @param shape where the row's requests belong
   * @param name what a user knows the row by
   * @throws RowFailedException if a request could not be done and the call asks to fail then
   * @throws GemmaException if that is the engine's fault, and another attempt may do it
   */
  Object next(Elements shape, GemmaMetrics metrics, Supplier<String> name) {
    return Elements.values(shape, () -> value(requests++, metrics, name));
  }

  private Object value(int row, GemmaMetrics metrics, Supplier<String> name) {
    UTF8String text = text(GenerationSchema.TEXT, row);
    UTF8String error = error(row);
    if (text == null && error == null) {
      return null;
    }
    if (error != null) {
      metrics.add(Metric.FAILED_ROWS, 1);
      if (call.shape().failsOnError()) {
        throw failure(name.get(), error.toString());
      }
    } else {
      metrics.add(Metric.PROMPT_TOKENS, integer(GenerationSchema.PROMPT_TOKENS, row));
      metrics.add(Metric.GENERATED_TOKENS, integer(GenerationSchema.COMPLETION_TOKENS, row));
    }
    return switch (call.shape()) {
      case TEXT -> text;
      case RESULT_OR_ERROR -> struct(text, error);
      case DETAILS_OR_FAIL, DETAILS_OR_ERROR -> struct(
          text,
          text(GenerationSchema.FINISH_REASON, row),
          integer(GenerationSchema.PROMPT_TOKENS, row),
          integer(GenerationSchema.COMPLETION_TOKENS, row),
          error);
    };
  }

  private GemmaException failure(String name, String error) {
    String sentence =
        call.function().sqlName() + call.columns() + " failed for " + name + ": " + error + " (failOnError => false goes on with such rows)";
    return error.startsWith(GenerationFailure.Code.INTERNAL.name()) ? new ModelFailedException(new GemmaException(sentence)) : new RowFailedException(sentence);
  }

  private static InternalRow struct(Object... values) {
    return new GenericInternalRow(values);
  }

  private UTF8String error(int row) {
    String early = errors.get(row);
    return early != null ? UTF8String.fromString(early) : text(GenerationSchema.ERROR, row);
  }

  private UTF8String text(String column, int row) {
    VarCharVector vector = (VarCharVector) root.getVector(column);
    return vector.isNull(row) ? null : UTF8String.fromBytes(vector.get(row));
  }

  private Integer integer(String column, int row) {
    IntVector vector = (IntVector) root.getVector(column);
    return vector.isNull(row) ? null : vector.get(row);
  }
}
