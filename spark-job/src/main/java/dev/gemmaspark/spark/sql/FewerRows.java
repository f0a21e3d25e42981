package dev.gemmaspark.spark.sql;

import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.logical.GlobalLimit;
import org.apache.spark.sql.catalyst.plans.logical.LocalLimit;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.catalyst.plans.logical.Sort;

/** Limits and sorts that go below calls, where only projections stand between, so that the model sees the rows that are wanted. */
final class FewerRows {
  private FewerRows() {}

  /** Limits each partition's rows before the model too. */
  static LogicalPlan limit(LocalLimit limit) {
    return withChild(limit, limited(limit.limitExpr(), limit.child()));
  }

  private static LogicalPlan limited(Expression count, LogicalPlan plan) {
    return switch (plan) {
      case Project project -> withChild(project, limited(count, project.child()));
      case EvalGemma eval when !(eval.child() instanceof LocalLimit) -> eval.withNewChildInternal(
          new LocalLimit(count, limited(count, eval.child())));
      default -> plan;
    };
  }

  /** Takes the first rows of all partitions before the model too. */
  static LogicalPlan limit(GlobalLimit limit) {
    return limit.isStreaming() ? limit : first(limit, child -> true).orElse(limit);
  }

  /**
   * Takes the first rows of a sort before the model too. Other limits stay: of a query's result, Spark fetches one partition after the
   * other until it has enough.
   */
  static LogicalPlan topRows(GlobalLimit limit) {
    return first(limit, FewerRows::isSorted).orElse(limit);
  }

  private static boolean isSorted(LogicalPlan plan) {
    return plan instanceof Sort sort && sort.global();
  }

  private static Optional<LogicalPlan> first(GlobalLimit limit, Predicate<LogicalPlan> rows) {
    return limit.child() instanceof LocalLimit local && local.limitExpr().equals(limit.limitExpr())
        ? first(limit, local.child(), rows)
        : Optional.empty();
  }

  private static Optional<LogicalPlan> first(
      GlobalLimit limit, LogicalPlan plan, Predicate<LogicalPlan> rows) {
    return switch (plan) {
      case Project project when isDeterministic(project) -> first(limit, project.child(), rows).map(child -> withChild(project, child));
      case EvalGemma eval -> first(limit, eval.child(), rows)
          .or(
              () ->
                  eval.child() instanceof LocalLimit local && rows.test(local.child())
                      ? Optional.of(withChild(limit, local))
                      : Optional.empty())
          .map(child -> eval.withNewChildInternal(Spread.rows(child, Scala.<Expression>list(eval.calls()))));
      case LocalLimit local -> first(limit, local.child(), rows);
      default -> Optional.empty();
    };
  }

  /** Sorts before the calls, by columns that are there already: Spark runs what is below a sort twice, once for a sample of its keys. */
  static LogicalPlan sortFirst(Sort sort) {
    return below(sort, sort.child()).orElse(sort);
  }

  /** @return nothing where the sort needs a result, or no call is below */
  private static Optional<LogicalPlan> below(Sort sort, LogicalPlan plan) {
    if (!(plan instanceof Project project && isDeterministic(project) || plan instanceof EvalGemma)) {
      return Optional.empty();
    }
    LogicalPlan child = Scala.<LogicalPlan>list(plan.children()).getFirst();
    if (!sort.references().subsetOf(child.outputSet())) {
      return Optional.empty();
    }
    Optional<LogicalPlan> deeper = below(sort, child);
    if (deeper.isEmpty() && plan instanceof EvalGemma) {
      deeper = Optional.of(withChild(sort, child));
    }
    return deeper.map(sorted -> withChild(plan, sorted));
  }

  /** What numbers the rows of a partition, or draws, does so in their order. */
  private static boolean isDeterministic(Project project) {
    return Scala.<Expression>list(project.expressions()).stream().allMatch(Expression::deterministic);
  }

  private static LogicalPlan withChild(LogicalPlan plan, LogicalPlan child) {
    return plan.withNewChildren(Scala.<LogicalPlan>seq(List.of(child)));
  }
}
