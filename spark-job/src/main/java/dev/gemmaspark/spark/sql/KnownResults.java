package dev.gemmaspark.spark.sql;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.plans.ExistenceJoin;
import org.apache.spark.sql.catalyst.plans.InnerLike;
import org.apache.spark.sql.catalyst.plans.JoinType;
import org.apache.spark.sql.catalyst.plans.LeftAnti$;
import org.apache.spark.sql.catalyst.plans.LeftOuter$;
import org.apache.spark.sql.catalyst.plans.LeftSemi$;
import org.apache.spark.sql.catalyst.plans.RightOuter$;
import org.apache.spark.sql.catalyst.plans.logical.Filter;
import org.apache.spark.sql.catalyst.plans.logical.GlobalLimit;
import org.apache.spark.sql.catalyst.plans.logical.Join;
import org.apache.spark.sql.catalyst.plans.logical.LocalLimit;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.catalyst.plans.logical.Repartition;
import org.apache.spark.sql.catalyst.plans.logical.Sort;
import org.apache.spark.sql.catalyst.plans.logical.Window;

/** Looks for a call among those that were made further below, of the same rows. */
final class KnownResults {
  private KnownResults() {}

  /**
   * A result that is there already.
   *
   * @param plan the plan, changed so that it passes the result on
   * @param result its attribute
   */
  record Found(LogicalPlan plan, Attribute result) {}

  static Optional<Found> find(Expression call, LogicalPlan plan) {
    return switch (plan) {
      case EvalGemma eval -> own(call, eval).or(() -> under(call, eval, eval.child()));
      case Project project -> project(call, project);
      case Filter filter -> under(call, filter, filter.child());
      case Sort sort -> under(call, sort, sort.child());
      case LocalLimit limit -> under(call, limit, limit.child());
      case GlobalLimit limit -> under(call, limit, limit.child());
      case Repartition repartition -> under(call, repartition, repartition.child());
      case Window window -> under(call, window, window.child());
      case Join join -> join(call, join);
      default -> Optional.empty();
    };
  }

  private static Optional<Found> own(Expression call, EvalGemma eval) {
    List<Expression> calls = Scala.list(eval.calls());
    for (int i = 0; i < calls.size(); i++) {
      if (calls.get(i).semanticEquals(call)) {
        return Optional.of(new Found(eval, eval.results().apply(i)));
      }
    }
    return Optional.empty();
  }

  /** Below a node that passes all of its child's columns on. */
  private static Optional<Found> under(Expression call, LogicalPlan node, LogicalPlan child) {
    if (!call.references().subsetOf(child.outputSet())) {
      return Optional.empty();
    }
    return find(call, child).map(found -> new Found(withChild(node, child, found.plan()), found.result()));
  }

  private static LogicalPlan withChild(LogicalPlan node, LogicalPlan child, LogicalPlan changed) {
    List<LogicalPlan> children = new ArrayList<>(Scala.<LogicalPlan>list(node.children()));
    children.replaceAll(each -> each == child ? changed : each);
    return node.withNewChildren(Scala.<LogicalPlan>seq(children));
  }

  private static Optional<Found> project(Expression call, Project project) {
    List<NamedExpression> columns = Scala.list(project.projectList());
    Expression below =
        Calls.replace(
            call,
            part -> {
              if (part instanceof Attribute attribute) {
                for (NamedExpression column : columns) {
                  if (column instanceof Alias alias && alias.exprId().equals(attribute.exprId())) {
                    return alias.child();
                  }
                }
              }
              return part;
            });
    if (!below.deterministic() || !below.references().subsetOf(project.child().outputSet())) {
      return Optional.empty();
    }
    return find(below, project.child()).map(found -> passedOn(found, columns));
  }

  private static Found passedOn(Found found, List<NamedExpression> columns) {
    for (NamedExpression column : columns) {
      if (column.exprId().equals(found.result().exprId())
          || column instanceof Alias alias && alias.child().semanticEquals(found.result())) {
        return new Found(new Project(Scala.seq(columns), found.plan()), column.toAttribute());
      }
    }
    List<NamedExpression> more = new ArrayList<>(columns);
    more.add(found.result());
    return new Found(new Project(Scala.seq(more), found.plan()), found.result());
  }

  /** On a side whose rows a join takes or leaves, but does not fill up with NULLs. */
  private static Optional<Found> join(Expression call, Join join) {
    if (call.references().isEmpty()) {
      return Optional.empty();
    }
    JoinType type = join.joinType();
    boolean left =
        type instanceof InnerLike || type instanceof ExistenceJoin || type == LeftOuter$.MODULE$ || type == LeftSemi$.MODULE$ || type == LeftAnti$.MODULE$;
    boolean right = type instanceof InnerLike || type == RightOuter$.MODULE$;
    Optional<Found> found = left ? under(call, join, join.left()) : Optional.empty();
    return found.isPresent() || !right ? found : under(call, join, join.right());
  }
}
