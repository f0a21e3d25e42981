package dev.gemmaspark.spark.execution;

import java.util.List;
import org.apache.spark.PartitionEvaluator;
import org.apache.spark.PartitionEvaluatorFactory;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.types.StructType;
import scala.collection.Iterator;
import scala.collection.immutable.Seq;

/**
 * Makes the evaluators of an operator's tasks. Sent to executors: it holds bound expressions and settings, nothing of the plan.
 *
 * @param calls in the order of their results
 * @param arguments of all calls, one after the other
 * @param input what the arguments are computed from
 * @param output the input's columns, then one for each call
 * @param batchRows rows handed in at a time
 * @param metrics the operator's
 */
public record EvalGemmaEvaluatorFactory(
    List<CallSpec> calls,
    Seq<Expression> arguments,
    Seq<Attribute> input,
    StructType output,
    int batchRows,
    GemmaMetrics metrics)
    implements PartitionEvaluatorFactory<InternalRow, InternalRow> {
  private static final long serialVersionUID = 1L;

  @Override
  public PartitionEvaluator<InternalRow, InternalRow> createEvaluator() {
    return new PartitionEvaluator<>() {
      @Override
      public Iterator<InternalRow> eval(int partition, Seq<Iterator<InternalRow>> inputs) {
        return new GemmaRows(EvalGemmaEvaluatorFactory.this, inputs.head());
      }
    };
  }
}
