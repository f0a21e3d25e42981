package dev.gemmaspark.spark.sql;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.plans.physical.RangePartitioning;
import org.apache.spark.sql.catalyst.plans.physical.RoundRobinPartitioning;
import org.apache.spark.sql.catalyst.rules.Rule;
import org.apache.spark.sql.execution.ColumnarRule;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.exchange.ENSURE_REQUIREMENTS$;
import org.apache.spark.sql.execution.exchange.Exchange;
import org.apache.spark.sql.execution.exchange.ShuffleExchangeExec;
import org.apache.spark.sql.execution.joins.CartesianProductExec;
import org.apache.spark.sql.internal.SQLConf;
import scala.Option;

/**
 * Keeps what the model said in a shuffle where Spark would ask it again: an exchange by ranges runs what is below it once for a sample of
 * the keys and once more, and a product of two sides once for each partition of the other.
 */
final class ShuffleBeforeSampling extends Rule<SparkPlan> {
  @Override
  public SparkPlan apply(SparkPlan plan) {
    List<SparkPlan> children = new ArrayList<>();
    boolean same = true;
    for (SparkPlan child : Scala.<SparkPlan>list(plan.children())) {
      SparkPlan changed = apply(child);
      children.add(repeats(plan) && runsTheModel(changed) ? kept(changed) : changed);
      same &= children.getLast() == child;
    }
    return same ? plan : plan.withNewChildren(Scala.<SparkPlan>seq(children));
  }

  private static boolean repeats(SparkPlan plan) {
    return plan instanceof CartesianProductExec
        || plan instanceof ShuffleExchangeExec exchange && exchange.outputPartitioning() instanceof RangePartitioning;
  }

  private static boolean runsTheModel(SparkPlan plan) {
    return plan instanceof EvalGemmaExec
        || !(plan instanceof Exchange) && Scala.<SparkPlan>list(plan.children()).stream().anyMatch(ShuffleBeforeSampling::runsTheModel);
  }

  private static SparkPlan kept(SparkPlan plan) {
    return new ShuffleExchangeExec(
        new RoundRobinPartitioning(SQLConf.get().numShufflePartitions()), plan, ENSURE_REQUIREMENTS$.MODULE$, Option.empty());
  }

  /** The same for plans that are not adaptive. */
  static ColumnarRule ofFixedPlans() {
    return new ColumnarRule() {
      @Override
      public Rule<SparkPlan> preColumnarTransitions() {
        return new ShuffleBeforeSampling();
      }
    };
  }
}
