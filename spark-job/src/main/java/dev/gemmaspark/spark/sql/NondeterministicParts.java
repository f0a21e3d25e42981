package dev.gemmaspark.spark.sql;

import dev.gemmaspark.engine.error.InvalidSettingException;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.ArrayFilter;
import org.apache.spark.sql.catalyst.expressions.ArrayTransform;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Generator;
import org.apache.spark.sql.catalyst.expressions.HigherOrderFunction;
import org.apache.spark.sql.catalyst.expressions.LambdaFunction;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.WindowExpression;
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateExpression;
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateFunction;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;

/**
 * Makes {@code rand()} and its like columns of their own, below the calls of their expression: a call's arguments, the condition of its
 * branch and the branch itself are evaluated in different places, and must see one value.
 */
final class NondeterministicParts {
  private final List<NamedExpression> columns = new ArrayList<>();

  private NondeterministicParts() {}

  /** The node, which has one child, over a projection with these columns; or as it was, if there are none. */
  static LogicalPlan below(LogicalPlan plan) {
    LogicalPlan child = Scala.<LogicalPlan>list(plan.children()).getFirst();
    NondeterministicParts parts = new NondeterministicParts();
    LogicalPlan changed =
        PlanExpressions.map(plan, expression -> Calls.contains(expression) ? parts.replaced(expression) : expression);
    return parts.columns.isEmpty() ? changed : changed.withNewChildren(Scala.<LogicalPlan>seq(List.of(parts.over(child))));
  }

  /** The plan with the parts; one that reads another is in a projection above. */
  private LogicalPlan over(LogicalPlan child) {
    LogicalPlan plan = child;
    List<NamedExpression> projected = output(plan);
    for (NamedExpression column : columns) {
      if (!((Expression) column).references().subsetOf(plan.outputSet())) {
        plan = new Project(Scala.seq(projected), plan);
        projected = output(plan);
      }
      projected.add(column);
    }
    return new Project(Scala.seq(projected), plan);
  }

  private static List<NamedExpression> output(LogicalPlan plan) {
    return new ArrayList<>(Scala.<NamedExpression>list(plan.output()));
  }

  private Expression replaced(Expression expression) {
    if (expression.deterministic()) {
      return expression;
    }
    if (expression instanceof HigherOrderFunction function) {
      if (!Calls.contains(expression)) {
        return column(expression);
      }
      return Calls.anyContains(Scala.<Expression>list(function.functions()))
          ? LambdaCalls.asTransform(function).map(this::replaced).orElseGet(() -> inLambda(function))
          : inArguments(expression);
    }
    return isComputedElsewhere(expression) || ofChildren(expression)
        ? Calls.mapChildren(expression, this::replaced)
        : column(expression);
  }

  private static boolean ofChildren(Expression expression) {
    return Scala.<Expression>list(expression.children()).stream().anyMatch(child -> !child.deterministic());
  }

  /** Not by row: by its operator, or below it. */
  private static boolean isComputedElsewhere(Expression expression) {
    return Calls.contains(expression)
        || expression instanceof AggregateExpression
        || expression instanceof AggregateFunction
        || expression instanceof WindowExpression
        || expression instanceof Generator;
  }

  private Expression inLambda(HigherOrderFunction function) {
    Expression changed = inArguments((Expression) function);
    return switch (changed) {
      case ArrayTransform transform -> new ArrayTransform(
          transform.argument(), perElement(transform.argument(), (LambdaFunction) transform.function()));
      case ArrayFilter filter -> new ArrayFilter(
          filter.argument(), perElement(filter.argument(), (LambdaFunction) filter.function()));
      default -> changed;
    };
  }

  private Expression inArguments(Expression function) {
    return Calls.mapChildren(function, child -> child instanceof LambdaFunction ? child : replaced(child));
  }

  /** In a lambda function, one value for each element. */
  private LambdaFunction perElement(Expression array, LambdaFunction lambda) {
    if (lambda.function().deterministic()) {
      return lambda;
    }
    LambdaFunction indexed = LambdaCalls.withIndex(lambda);
    return new LambdaFunction(
        perElement(array, indexed, lambda.function()), indexed.arguments(), indexed.hidden());
  }

  private Expression perElement(Expression array, LambdaFunction lambda, Expression expression) {
    if (expression.deterministic()) {
      return expression;
    }
    if (expression instanceof HigherOrderFunction) {
      throw new InvalidSettingException(
          "a gemma function cannot be called beside a random value in a lambda function within another; draw the value in a column of its own first");
    }
    if (Calls.contains(expression) || ofChildren(expression)) {
      return Calls.mapChildren(expression, child -> perElement(array, lambda, child));
    }
    return LambdaCalls.itemOf(column(LambdaCalls.eachOf(array, lambda, expression)), lambda);
  }

  private Expression column(Expression part) {
    NamedExpression column = Names.alias(part, "_gemma_part_" + columns.size(), NamedExpression.newExprId());
    columns.add(column);
    Attribute attribute = column.toAttribute();
    return attribute;
  }
}
