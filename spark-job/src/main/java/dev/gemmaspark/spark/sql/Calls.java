package dev.gemmaspark.spark.sql;

import java.util.List;
import java.util.function.UnaryOperator;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import scala.collection.immutable.Seq;

/** Finds and replaces calls in expressions. */
final class Calls {
  private Calls() {}

  static boolean contains(Expression expression) {
    return expression instanceof GemmaCall
        || Scala.<Expression>list(expression.children()).stream().anyMatch(Calls::contains);
  }

  /** Whether the node itself, not one below it, has calls. */
  static boolean contains(LogicalPlan plan) {
    return Scala.<Expression>list(plan.expressions()).stream().anyMatch(Calls::contains);
  }

  /** Calls whose arguments contain no calls, each once. */
  static void collectInnermost(Expression expression, List<GemmaCall> into) {
    boolean inside = false;
    for (Expression child : Scala.<Expression>list(expression.children())) {
      collectInnermost(child, into);
      inside |= contains(child);
    }
    if (expression instanceof GemmaCall call
        && !inside
        && into.stream().noneMatch(known -> known.semanticEquals(call))) {
      into.add(call);
    }
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
