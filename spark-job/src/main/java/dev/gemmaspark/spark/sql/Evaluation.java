package dev.gemmaspark.spark.sql;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;

/** Calls over a plan, and the attributes that stand for their results. A call that was made further below is not made again. */
final class Evaluation {
  private final List<Expression> calls = new ArrayList<>();
  private final List<Attribute> results = new ArrayList<>();
  private final List<Expression> known = new ArrayList<>();
  private final List<Attribute> knownResults = new ArrayList<>();
  private LogicalPlan child;

  Evaluation(LogicalPlan child) {
    this.child = child;
  }

  /** {@link CallGuards.Results}: made here, if it is not known yet. A result that all rows have serves a branch's rows too. */
  Expression result(Expression call, Expression condition) {
    Attribute unguarded = find(call);
    if (unguarded != null) {
      return unguarded;
    }
    Expression guarded = CallGuards.guarded(call, condition);
    Attribute same = condition == null ? null : find(guarded);
    if (same != null) {
      return same;
    }
    Attribute result = Names.result(call, calls.size() + 1);
    calls.add(guarded);
    results.add(result);
    return result;
  }

  /** Makes the call for all rows if that is what is asked; {@link CallGuards.Results} for a look ahead. */
  Expression announced(Expression call, Expression condition) {
    return condition == null ? result(call, null) : call;
  }

  private Attribute find(Expression call) {
    if (!call.deterministic()) {
      return null;
    }
    for (int i = 0; i < calls.size(); i++) {
      if (call.semanticEquals(calls.get(i))) {
        return results.get(i);
      }
    }
    for (int i = 0; i < known.size(); i++) {
      if (call.semanticEquals(known.get(i))) {
        return knownResults.get(i);
      }
    }
    return KnownResults.find(call, child)
        .map(
            found -> {
              child = found.plan();
              known.add(call);
              knownResults.add(found.result());
              return found.result();
            })
        .orElse(null);
  }

  /** The child with all results. */
  LogicalPlan plan() {
    return calls.isEmpty() ? child : new EvalGemma(Scala.<Expression>seq(calls), Scala.seq(results), Spread.rows(child, calls));
  }
}
