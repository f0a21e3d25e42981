package dev.gemmaspark.spark.sql;

import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.logical.Filter;
import org.apache.spark.sql.catalyst.plans.logical.GlobalLimit;
import org.apache.spark.sql.catalyst.plans.logical.LocalLimit;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Offset;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.catalyst.plans.logical.Repartition;
import org.apache.spark.sql.catalyst.plans.logical.UnaryNode;
import org.apache.spark.sql.internal.SQLConf;
import scala.Option;

/** Gives the rows of a limit to all tasks again: Spark brings them into one partition, whose task would do all of the model's work. */
final class Spread {
  private Spread() {}

  /** The rows for some calls: in several partitions where they were in one, and are more than one batch in no order. */
  static LogicalPlan rows(LogicalPlan plan, List<Expression> calls) {
    if (!isOnePartition(plan) || plan.isStreaming() || isOrdered(plan)) {
      return plan;
    }
    int batchRows = calls.stream().mapToInt(call -> Calls.asked(call).conf().batchRows()).min().orElseThrow();
    Option<Object> most = plan.maxRows();
    long batches = most.isEmpty() ? Long.MAX_VALUE : Math.ceilDiv((Long) most.get(), batchRows);
    return batches > 1 ? new Repartition((int) Math.min(batches, SQLConf.get().numShufflePartitions()), true, plan) : plan;
  }

  private static boolean isOnePartition(LogicalPlan plan) {
    return switch (plan) {
      case GlobalLimit _, Offset _ -> true;
      case Project project -> isOnePartition(project.child());
      case Filter filter -> isOnePartition(filter.child());
      default -> false;
    };
  }

  /** By columns that are there, or that were further below. */
  private static boolean isOrdered(LogicalPlan plan) {
    return !plan.outputOrdering().isEmpty()
        || switch (plan) {
          case Project _, Filter _, GlobalLimit _, LocalLimit _, Offset _, EvalGemma _ -> isOrdered(((UnaryNode) plan).child());
          default -> false;
        };
  }
}
