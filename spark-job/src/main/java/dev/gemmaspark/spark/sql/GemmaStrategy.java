package dev.gemmaspark.spark.sql;

import java.util.List;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.SparkStrategy;
import scala.collection.immutable.Seq;

/** Plans {@link EvalGemma} as {@link EvalGemmaExec}. */
public final class GemmaStrategy extends SparkStrategy {
  @Override
  public Seq<SparkPlan> apply(LogicalPlan plan) {
    if (plan instanceof EvalGemma node) {
      return Scala.seq(List.of(new EvalGemmaExec(node.calls(), node.results(), planLater(node.child()))));
    }
    return Scala.seq(List.of());
  }
}
