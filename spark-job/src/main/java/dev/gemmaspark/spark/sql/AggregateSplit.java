package dev.gemmaspark.spark.sql;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateExpression;
import org.apache.spark.sql.catalyst.plans.logical.Aggregate;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;

/**
 * Splits an aggregate whose output calls the model over groups, as {@code gemma_summarize(concat_ws(' ', collect_list(t)))} does: the
 * aggregate gives the groups and the aggregates' values, and a projection above it has the calls.
 */
final class AggregateSplit {
  private final Aggregate aggregate;
  private final List<Expression> values = new ArrayList<>();
  private final List<NamedExpression> named = new ArrayList<>();

  private AggregateSplit(Aggregate aggregate) {
    this.aggregate = aggregate;
  }

  /** Whether a call stands over the groups, and not inside an aggregate function or a grouping expression. */
  static boolean isNeeded(Aggregate aggregate) {
    return Scala.<NamedExpression>list(aggregate.aggregateExpressions()).stream()
        .anyMatch(output -> callsOverGroups((Expression) output, aggregate));
  }

  private static boolean callsOverGroups(Expression expression, Aggregate aggregate) {
    if (expression instanceof AggregateExpression || isGroup(expression, aggregate)) {
      return false;
    }
    return expression instanceof GemmaCall
        || Scala.<Expression>list(expression.children()).stream().anyMatch(child -> callsOverGroups(child, aggregate));
  }

  private static boolean isGroup(Expression expression, Aggregate aggregate) {
    return Scala.<Expression>list(aggregate.groupingExpressions()).stream()
        .anyMatch(group -> group.semanticEquals(expression));
  }

  static LogicalPlan split(Aggregate aggregate) {
    return new AggregateSplit(aggregate).split();
  }

  private LogicalPlan split() {
    List<NamedExpression> above = new ArrayList<>();
    for (NamedExpression output : Scala.<NamedExpression>list(aggregate.aggregateExpressions())) {
      Expression replaced = Calls.replace((Expression) output, this::below);
      above.add(
          replaced instanceof NamedExpression name && name.exprId().equals(output.exprId())
              ? name
              : Names.alias(replaced, output.name(), output.exprId()));
    }
    Aggregate below =
        new Aggregate(
            aggregate.groupingExpressions(), Scala.seq(named), aggregate.child(), aggregate.hint());
    return new Project(Scala.seq(above), below);
  }

  /** An aggregate's or a group's value becomes an attribute of the aggregate below. */
  private Expression below(Expression expression) {
    if (!(expression instanceof AggregateExpression) && !isGroup(expression, aggregate)) {
      return expression;
    }
    for (int i = 0; i < values.size(); i++) {
      if (values.get(i).semanticEquals(expression)) {
        return (Expression) named.get(i).toAttribute();
      }
    }
    NamedExpression name =
        expression instanceof Attribute attribute
            ? attribute
            : Names.alias(expression, "_gemma_group_" + values.size(), NamedExpression.newExprId());
    values.add(expression);
    named.add(name);
    return (Expression) name.toAttribute();
  }
}
