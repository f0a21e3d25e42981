package dev.gemmaspark.spark.sql;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.GetStructField;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.plans.logical.Filter;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;

/** Makes fields of columns columns of their own, below the calls of a projection or a filter, so that fields nobody wants need not be read. */
final class FieldsBelow {
  private final List<Expression> fields = new ArrayList<>();
  private final List<NamedExpression> columns;

  private FieldsBelow(LogicalPlan child) {
    this.columns = new ArrayList<>(Scala.<NamedExpression>list(child.output()));
  }

  /** The node over a projection with the fields that it reads; or as it was, if there are none. */
  static LogicalPlan of(LogicalPlan plan) {
    if (!(plan instanceof Project || plan instanceof Filter)) {
      return plan;
    }
    LogicalPlan child = Scala.<LogicalPlan>list(plan.children()).getFirst();
    FieldsBelow below = new FieldsBelow(child);
    LogicalPlan changed = PlanExpressions.map(plan, expression -> Calls.replace(expression, below::replaced));
    return below.fields.isEmpty()
        ? plan
        : changed.withNewChildren(Scala.<LogicalPlan>seq(List.of(new Project(Scala.seq(below.columns), child))));
  }

  /** A projection over a filter with calls, over a projection with the fields that either reads. */
  static LogicalPlan ofBoth(Project project, Filter filter) {
    FieldsBelow below = new FieldsBelow(filter.child());
    LogicalPlan changedFilter = PlanExpressions.map(filter, expression -> Calls.replace(expression, below::replaced));
    LogicalPlan changedProject = PlanExpressions.map(project, expression -> Calls.replace(expression, below::replaced));
    if (below.fields.isEmpty()) {
      return project;
    }
    LogicalPlan fields = new Project(Scala.seq(below.columns), filter.child());
    return changedProject.withNewChildren(
        Scala.<LogicalPlan>seq(List.of(changedFilter.withNewChildren(Scala.<LogicalPlan>seq(List.of(fields))))));
  }

  private Expression replaced(Expression part) {
    if (!isField(part)) {
      return part;
    }
    for (int i = 0; i < fields.size(); i++) {
      if (fields.get(i).semanticEquals(part)) {
        return (Expression) columns.get(columns.size() - fields.size() + i).toAttribute();
      }
    }
    NamedExpression column = Names.alias(part, "_gemma_field_" + fields.size(), NamedExpression.newExprId());
    fields.add(part);
    columns.add(column);
    return (Expression) column.toAttribute();
  }

  private static boolean isField(Expression expression) {
    return expression instanceof GetStructField field && (field.child() instanceof Attribute || isField(field.child()));
  }
}
