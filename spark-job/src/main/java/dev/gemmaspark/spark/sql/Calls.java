package dev.gemmaspark.spark.sql;

import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.apache.spark.sql.catalyst.expressions.ExprId;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedLambdaVariable;
import org.apache.spark.sql.catalyst.expressions.PlanExpression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import scala.collection.immutable.Seq;

/** Finds and replaces calls in expressions. A subquery's own calls are not its operator's: they are moved when the subquery is planned. */
final class Calls {
  private Calls() {}

  static boolean isCall(Expression expression) {
    return expression instanceof GemmaCall || expression instanceof ElementCalls;
  }

  /** What a call asks, of a row or of each element. */
  static GemmaCall asked(Expression call) {
    return call instanceof ElementCalls elements ? elements.call() : (GemmaCall) call;
  }

  static boolean contains(Expression expression) {
    return isCall(expression)
        || !(expression instanceof PlanExpression<?>) && anyContains(Scala.<Expression>list(expression.children()));
  }

  static boolean anyContains(List<Expression> expressions) {
    return expressions.stream().anyMatch(Calls::contains);
  }

  /** Whether the node itself, not one below it, has calls. */
  static boolean contains(LogicalPlan plan) {
    return anyContains(Scala.<Expression>list(plan.expressions()));
  }

  /** Whether a subquery of the expression is compared with the outer rows by calls, as {@code EXISTS (... WHERE gemma_generate(b) = outer.a)} is. */
  static boolean correlate(Expression expression) {
    return expression instanceof PlanExpression<?>
        ? anyContains(Scala.<Expression>list(expression.children()))
        : Scala.<Expression>list(expression.children()).stream().anyMatch(Calls::correlate);
  }

  /** Whether the expression reads one of these variables of a lambda function. */
  static boolean reads(Expression expression, Set<ExprId> variables) {
    return expression instanceof NamedLambdaVariable variable
        ? variables.contains(variable.exprId())
        : Scala.<Expression>list(expression.children()).stream().anyMatch(child -> reads(child, variables));
  }

  /** The expression with its children changed, if any of them was. */
  static Expression mapChildren(Expression expression, UnaryOperator<Expression> change) {
    List<Expression> children = Scala.list(expression.children());
    List<Expression> changed = children.stream().map(change).toList();
    for (int i = 0; i < children.size(); i++) {
      if (changed.get(i) != children.get(i)) {
        Seq<Expression> all = Scala.seq(changed);
        return expression.withNewChildren(all);
      }
    }
    return expression;
  }

  /** Replaces from the root on: what was replaced is not looked into. */
  static Expression replace(Expression expression, UnaryOperator<Expression> replacement) {
    Expression replaced = replacement.apply(expression);
    return replaced != expression ? replaced : mapChildren(expression, child -> replace(child, replacement));
  }
}
