package dev.gemmaspark.spark.sql;

import dev.gemmaspark.engine.error.InvalidSettingException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.apache.spark.sql.catalyst.expressions.And;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.plans.logical.Aggregate;
import org.apache.spark.sql.catalyst.plans.logical.Expand;
import org.apache.spark.sql.catalyst.plans.logical.Filter;
import org.apache.spark.sql.catalyst.plans.logical.Generate;
import org.apache.spark.sql.catalyst.plans.logical.GlobalLimit;
import org.apache.spark.sql.catalyst.plans.logical.Join;
import org.apache.spark.sql.catalyst.plans.logical.LocalLimit;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.catalyst.plans.logical.RepartitionByExpression;
import org.apache.spark.sql.catalyst.plans.logical.Sort;
import org.apache.spark.sql.catalyst.plans.logical.Window;
import org.apache.spark.sql.catalyst.rules.Rule;
import scala.collection.immutable.Seq;

/**
 * Moves calls out of the operators that they stand in, into {@link EvalGemma} nodes below:
 *
 * <pre>
 * Project [id, gemma_summarize(body)]        Project [id, _1]
 * └ Filter [lang = 'en']                 ─►  └ EvalGemma [gemma_summarize(body) AS _1]
 *                                              └ Filter [lang = 'en']
 * </pre>
 *
 * It runs once, after filters and projections have been pushed down, so that rows and columns nobody wants never reach the model; and
 * before files are pruned, where Spark would try to evaluate a call. A filter's conjuncts without calls stay below the model; a limit is
 * repeated below it; a sort by other columns goes below it; equal calls of an operator run once.
 */
public final class ExtractGemmaCalls extends Rule<LogicalPlan> {
  private static final Set<Class<?>> ABOVE_A_CHILD =
      Set.of(
          Project.class,
          Filter.class,
          Sort.class,
          Window.class,
          Generate.class,
          Aggregate.class,
          Expand.class,
          RepartitionByExpression.class);

  @Override
  public LogicalPlan apply(LogicalPlan plan) {
    LogicalPlan below = withChildren(plan, Scala.<LogicalPlan>list(plan.children()).stream().map(this::apply).toList());
    if (below instanceof LocalLimit limit) {
      return pushed(limit);
    }
    if (below instanceof GlobalLimit limit) {
      return topRows(limit);
    }
    if (below instanceof Sort sort && sort.global() && !Calls.contains(sort)) {
      return beforeCalls(sort, sort.child()).orElse(sort);
    }
    if (below instanceof EvalGemma || !Calls.contains(below)) {
      return below;
    }
    return switch (below) {
      case Aggregate aggregate when AggregateSplit.isNeeded(aggregate) -> apply(AggregateSplit.split(aggregate));
      case Filter filter -> filter(filter);
      case Join join -> join(join);
      default -> extract(below);
    };
  }

  private static LogicalPlan withChildren(LogicalPlan plan, List<LogicalPlan> children) {
    List<LogicalPlan> old = Scala.list(plan.children());
    for (int i = 0; i < old.size(); i++) {
      if (old.get(i) != children.get(i)) {
        Seq<LogicalPlan> all = Scala.seq(children);
        return plan.withNewChildren(all);
      }
    }
    return plan;
  }

  /** Limits the rows before the model too, where only projections stand between. */
  private static LogicalPlan pushed(LocalLimit limit) {
    return limit.withNewChildren(Scala.seq(List.of(limited(limit.limitExpr(), limit.child()))));
  }

  private static LogicalPlan limited(Expression count, LogicalPlan plan) {
    return switch (plan) {
      case Project project -> project.withNewChildren(Scala.seq(List.of(limited(count, project.child()))));
      case EvalGemma eval when !(eval.child() instanceof LocalLimit) -> eval.withNewChildInternal(
          new LocalLimit(count, limited(count, eval.child())));
      default -> plan;
    };
  }

  /**
   * Sorts before the calls, by columns that are there already: Spark runs what is below a sort twice, once for a sample of its keys.
   *
   * @return nothing where the sort needs a result, or no call is below
   */
  private static Optional<LogicalPlan> beforeCalls(Sort sort, LogicalPlan plan) {
    if (!(plan instanceof Project || plan instanceof EvalGemma)) {
      return Optional.empty();
    }
    LogicalPlan child = Scala.<LogicalPlan>list(plan.children()).getFirst();
    if (!sort.references().subsetOf(child.outputSet())) {
      return Optional.empty();
    }
    Optional<LogicalPlan> deeper = beforeCalls(sort, child);
    if (deeper.isEmpty() && plan instanceof EvalGemma) {
      deeper = Optional.of(sort.withNewChildren(Scala.seq(List.of(child))));
    }
    return deeper.map(sorted -> plan.withNewChildren(Scala.seq(List.of(sorted))));
  }

  /** The first rows of a sort are taken before the calls as well, and no other is ever shown to the model. */
  private static LogicalPlan topRows(GlobalLimit limit) {
    return limit.child() instanceof LocalLimit local && local.limitExpr().equals(limit.limitExpr())
        ? limitedSort(limit, local.child()).orElse(limit)
        : limit;
  }

  private static Optional<LogicalPlan> limitedSort(GlobalLimit limit, LogicalPlan plan) {
    return switch (plan) {
      case Project project -> limitedSort(limit, project.child()).map(child -> project.withNewChildren(Scala.seq(List.of(child))));
      case EvalGemma eval when eval.child() instanceof LocalLimit local && isSorted(local.child()) -> Optional.of(
          eval.withNewChildInternal(limit.withNewChildren(Scala.seq(List.of(local)))));
      case EvalGemma eval -> limitedSort(limit, eval.child()).map(eval::withNewChildInternal);
      case LocalLimit local -> limitedSort(limit, local.child());
      default -> Optional.empty();
    };
  }

  private static boolean isSorted(LogicalPlan plan) {
    return plan instanceof Sort sort && sort.global();
  }

  private LogicalPlan filter(Filter filter) {
    List<Expression> free = new ArrayList<>();
    List<Expression> calling = new ArrayList<>();
    for (Expression conjunct : conjuncts(filter.condition())) {
      (Calls.contains(conjunct) ? calling : free).add(conjunct);
    }
    LogicalPlan child = free.isEmpty() ? filter.child() : new Filter(all(free), filter.child());
    return extract(new Filter(all(calling), child));
  }

  private static List<Expression> conjuncts(Expression condition) {
    if (condition instanceof And and) {
      List<Expression> both = new ArrayList<>(conjuncts(and.left()));
      both.addAll(conjuncts(and.right()));
      return both;
    }
    return List.of(condition);
  }

  private static Expression all(List<Expression> conjuncts) {
    return conjuncts.stream().reduce(And::new).orElseThrow();
  }

  /** A call of a join's condition is made on the side whose columns it reads. */
  private LogicalPlan join(Join join) {
    List<GemmaCall> calls = new ArrayList<>();
    Calls.collectInnermost(join.condition().get(), calls);
    Evaluation left = new Evaluation(join.left());
    Evaluation right = new Evaluation(join.right());
    for (GemmaCall call : calls) {
      if (call.references().subsetOf(join.left().outputSet())) {
        left.add(call);
      } else if (call.references().subsetOf(join.right().outputSet())) {
        right.add(call);
      } else {
        throw new InvalidSettingException(
            String.format(
                Locale.ROOT, "%s in a join's condition reads columns of both sides; call it in a query of its own first, and join its result",
                call.prettyName()));
      }
    }
    Expression condition = right.replaceIn(left.replaceIn(join.condition().get()));
    Join replaced =
        new Join(left.plan(), right.plan(), join.joinType(), scala.Option.apply(condition), join.hint());
    return onlyOutput(Calls.contains(condition) ? join(replaced) : replaced, join);
  }

  private LogicalPlan extract(LogicalPlan plan) {
    if (!ABOVE_A_CHILD.contains(plan.getClass())) {
      throw new InvalidSettingException(
          String.format(Locale.ROOT, "a gemma function cannot be called in %s; call it in a SELECT of its own first, and use its result there",
              plan.nodeName()));
    }
    List<Expression> expressions = new ArrayList<>();
    for (Expression expression : Scala.<Expression>list(plan.expressions())) {
      expressions.add(CallGuards.guard(expression));
    }
    List<GemmaCall> calls = new ArrayList<>();
    expressions.forEach(expression -> Calls.collectInnermost(expression, calls));
    Evaluation evaluation = new Evaluation(Scala.<LogicalPlan>list(plan.children()).getFirst());
    calls.forEach(evaluation::add);
    LogicalPlan replaced =
        PlanExpressions.map(plan, expression -> evaluation.replaceIn(CallGuards.guard(expression)))
            .withNewChildren(Scala.seq(List.of(evaluation.plan())));
    return onlyOutput(Calls.contains(replaced) ? extract(replaced) : replaced, plan);
  }

  /** Nodes that pass their child's columns on must not pass the results on too. */
  private static LogicalPlan onlyOutput(LogicalPlan plan, LogicalPlan original) {
    if (plan.output().equals(original.output())) {
      return plan;
    }
    List<NamedExpression> columns = new ArrayList<>();
    for (Attribute attribute : Scala.<Attribute>list(original.output())) {
      columns.add(attribute);
    }
    return new Project(Scala.seq(columns), plan);
  }

  /** Calls over a plan, and the attributes that stand for their results. */
  private static final class Evaluation {
    private final LogicalPlan child;
    private final List<GemmaCall> calls = new ArrayList<>();
    private final List<Attribute> results = new ArrayList<>();

    Evaluation(LogicalPlan child) {
      this.child = child;
    }

    void add(GemmaCall call) {
      results.add(Names.result(call, calls.size() + 1));
      calls.add(call);
    }

    Expression replaceIn(Expression expression) {
      return Calls.replace(
          expression,
          part -> {
            for (int i = 0; i < calls.size(); i++) {
              if (part instanceof GemmaCall && part.semanticEquals(calls.get(i))) {
                return results.get(i);
              }
            }
            return part;
          });
    }

    LogicalPlan plan() {
      return calls.isEmpty() ? child : new EvalGemma(Scala.<Expression>seq(calls), Scala.seq(results), child);
    }
  }
}
