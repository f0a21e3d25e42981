package dev.gemmaspark.spark.sql;

import java.util.function.UnaryOperator;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.QueryPlan;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import scala.runtime.AbstractFunction1;

/** Changes a node's own expressions, whatever node it is. */
final class PlanExpressions {
  private PlanExpressions() {}

  static LogicalPlan map(LogicalPlan plan, UnaryOperator<Expression> change) {
    QueryPlan<LogicalPlan> changed =
        plan.mapExpressions(
            new AbstractFunction1<Expression, Expression>() {
              @Override
              public Expression apply(Expression expression) {
                return change.apply(expression);
              }
            });
    return (LogicalPlan) changed;
  }
}
