package dev.gemmaspark.spark.sql;

import dev.gemmaspark.engine.error.InvalidSettingException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.InnerLike;
import org.apache.spark.sql.catalyst.plans.logical.Filter;
import org.apache.spark.sql.catalyst.plans.logical.Join;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import scala.Option;

/** Moves the calls of a join's condition: to the side whose columns they read, or above the join. */
final class JoinCalls {
  private final Join join;
  private final Evaluation left;
  private final Evaluation right;

  private JoinCalls(Join join) {
    this.join = join;
    this.left = new Evaluation(join.left());
    this.right = new Evaluation(join.right());
  }

  /**
   * The join with fewer calls in its condition, or none.
   *
   * @throws InvalidSettingException if a call reads both sides, and the join is none that a filter above it can finish
   */
  static LogicalPlan moved(Join join) {
    List<Expression> inside = new ArrayList<>();
    List<Expression> above = new ArrayList<>();
    List<Expression> conjuncts = ExtractGemmaCalls.conjuncts(join.condition().get());
    boolean joins = conjuncts.stream().anyMatch(conjunct -> !Calls.contains(conjunct) && readsBoth(conjunct, join));
    for (Expression conjunct : conjuncts) {
      boolean later = Calls.contains(conjunct) && (callsBoth(conjunct, join) || joins && !readsBoth(conjunct, join));
      (later && join.joinType() instanceof InnerLike ? above : inside).add(conjunct);
    }
    if (!above.isEmpty()) {
      return new Filter(ExtractGemmaCalls.all(above), withCondition(join, inside));
    }
    return new JoinCalls(join).moved();
  }

  private static Join withCondition(Join join, List<Expression> conjuncts) {
    Option<Expression> condition = conjuncts.isEmpty() ? Option.empty() : Option.apply(ExtractGemmaCalls.all(conjuncts));
    return new Join(join.left(), join.right(), join.joinType(), condition, join.hint());
  }

  private static boolean readsBoth(Expression expression, Join join) {
    return !expression.references().subsetOf(join.left().outputSet()) && !expression.references().subsetOf(join.right().outputSet());
  }

  private static boolean callsBoth(Expression expression, Join join) {
    return Calls.isCall(expression) && readsBoth(expression, join)
        || Scala.<Expression>list(expression.children()).stream().anyMatch(child -> callsBoth(child, join));
  }

  private LogicalPlan moved() {
    Expression condition = CallGuards.replace(join.condition().get(), this::result);
    return ExtractGemmaCalls.onlyOutput(
        new Join(left.plan(), right.plan(), join.joinType(), Option.apply(condition), join.hint()), join);
  }

  /** A condition that reads the other side cannot keep rows of this one away. */
  private Expression result(Expression call, Expression condition) {
    for (Expression each : List.of(CallGuards.guarded(call, condition), call)) {
      if (each.references().subsetOf(join.left().outputSet())) {
        return left.result(each, null);
      }
      if (each.references().subsetOf(join.right().outputSet())) {
        return right.result(each, null);
      }
    }
    throw new InvalidSettingException(
        String.format(
            Locale.ROOT,
            "%s in a join's condition reads columns of both sides; call it in a query of its own first, and join its result",
            call.prettyName()));
  }
}
