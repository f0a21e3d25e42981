package dev.gemmaspark.spark.sql;

import dev.gemmaspark.engine.error.InvalidSettingException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.catalyst.expressions.And;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.EqualTo;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.optimizer.ColumnPruning$;
import org.apache.spark.sql.catalyst.optimizer.RewritePredicateSubquery$;
import org.apache.spark.sql.catalyst.plans.logical.Aggregate;
import org.apache.spark.sql.catalyst.plans.logical.Command;
import org.apache.spark.sql.catalyst.plans.logical.CreateVariable;
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
import org.apache.spark.sql.catalyst.util.UnsafeRowUtils;
import scala.jdk.javaapi.CollectionConverters;

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
 * repeated below it; a sort by other columns goes below it; equal calls of an operator and of those below it run once.
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

  /** What users write, by Spark's names for it. */
  private static final Map<String, String> STATEMENTS =
      Map.of(
          "CreateVariable", "DECLARE VARIABLE",
          "DeleteFromTable", "DELETE FROM",
          "UpdateTable", "UPDATE",
          "MergeIntoTable", "MERGE INTO",
          "MergeRows", "MERGE INTO",
          "Sample", "TABLESAMPLE");

  @Override
  public LogicalPlan apply(LogicalPlan plan) {
    LogicalPlan extracted = AnalysisErrors.ofCall(() -> extracted(withExtractedChildren(plan), Place.ROOT));
    return extracted == plan ? plan : ColumnPruning$.MODULE$.apply(extracted);
  }

  /** Where a node is: the first rows of a query are fetched partition by partition, those of an operator inside it are all computed. */
  private enum Place {
    ROOT,
    INSIDE
  }

  private LogicalPlan inside(LogicalPlan plan) {
    return extracted(withExtractedChildren(plan), Place.INSIDE);
  }

  private LogicalPlan withExtractedChildren(LogicalPlan plan) {
    LogicalPlan node =
        plan instanceof Project project && project.child() instanceof Filter filter && Calls.contains(filter)
            ? FieldsBelow.ofBoth(project, callsLast(filter))
            : plan;
    return withChildren(node, Scala.<LogicalPlan>list(node.children()).stream().map(this::inside).toList());
  }

  /** The node, whose children have been dealt with. */
  private LogicalPlan extracted(LogicalPlan plan, Place place) {
    return switch (plan) {
      case LocalLimit limit -> FewerRows.limit(limit);
      case GlobalLimit limit -> place == Place.ROOT ? FewerRows.topRows(limit) : FewerRows.limit(limit);
      case Sort sort when sort.global() && !Calls.contains(sort) -> FewerRows.sortFirst(sort);
      case EvalGemma eval -> eval;
      // commands of other table formats, which make a query of the expressions that they carry when they run
      case Command _ when plan.children().isEmpty() -> plan;
      default -> Scala.<Expression>list(plan.expressions()).stream().anyMatch(Calls::correlate)
          ? inside(RewritePredicateSubquery$.MODULE$.apply(plan))
          : Calls.contains(plan) ? withoutCalls(plan) : plan;
    };
  }

  private LogicalPlan withoutCalls(LogicalPlan plan) {
    return switch (plan) {
      case Aggregate aggregate when AggregateSplit.isNeeded(aggregate) -> inside(AggregateSplit.split(aggregate));
      case Filter filter -> extract(callsLast(filter));
      case Join join -> inside(JoinCalls.moved(join));
      default -> extract(plan);
    };
  }

  private static LogicalPlan withChildren(LogicalPlan plan, List<LogicalPlan> children) {
    List<LogicalPlan> old = Scala.list(plan.children());
    for (int i = 0; i < old.size(); i++) {
      if (old.get(i) != children.get(i)) {
        return plan.withNewChildren(Scala.<LogicalPlan>seq(children));
      }
    }
    return plan;
  }

  /** The filter by the conjuncts with calls, over one by the others. */
  private static Filter callsLast(Filter filter) {
    List<Expression> free = new ArrayList<>();
    List<Expression> calling = new ArrayList<>();
    for (Expression conjunct : conjuncts(filter.condition())) {
      if (!Calls.contains(conjunct)) {
        free.add(conjunct);
      } else if (!conjunct.deterministic() || calling.stream().noneMatch(known -> isInferred(conjunct, known, filter.child()))) {
        calling.add(conjunct);
      }
    }
    LogicalPlan child = free.isEmpty() ? filter.child() : new Filter(all(free), filter.child());
    return new Filter(all(calling), child);
  }

  /**
   * Spark adds conditions that follow from others: of {@code a.t = b.t AND gemma_generate(a.t) = 'yes'}, the same about b. Not where other
   * letters are equal, as in a collation without case.
   */
  private static boolean isInferred(Expression conjunct, Expression known, LogicalPlan child) {
    for (Expression constraint : CollectionConverters.asJava(child.constraints())) {
      if (constraint instanceof EqualTo equal
          && equal.left() instanceof Attribute left
          && equal.right() instanceof Attribute right
          && UnsafeRowUtils.isBinaryStable(left.dataType())) {
        Expression same = Calls.replace(conjunct, part -> left.semanticEquals(part) ? right : part);
        Expression other = Calls.replace(conjunct, part -> right.semanticEquals(part) ? left : part);
        if (same.semanticEquals(known) || other.semanticEquals(known)) {
          return true;
        }
      }
    }
    return false;
  }

  static List<Expression> conjuncts(Expression condition) {
    if (condition instanceof And and) {
      List<Expression> both = new ArrayList<>(conjuncts(and.left()));
      both.addAll(conjuncts(and.right()));
      return both;
    }
    return List.of(condition);
  }

  static Expression all(List<Expression> conjuncts) {
    return conjuncts.stream().reduce(And::new).orElseThrow();
  }

  private LogicalPlan extract(LogicalPlan plan) {
    if (!ABOVE_A_CHILD.contains(plan.getClass())) {
      throw new InvalidSettingException(
          String.format(
              Locale.ROOT,
              "a gemma function cannot be called in %s; %s",
              STATEMENTS.getOrDefault(plan.nodeName(), plan.nodeName()),
              plan instanceof CreateVariable
                  ? "declare it without, and then SET VARIABLE name = (SELECT …)"
                  : "call it in a SELECT of its own first, and use its result there"));
    }
    LogicalPlan node = NondeterministicParts.below(FieldsBelow.of(plan));
    Evaluation evaluation = new Evaluation(Scala.<LogicalPlan>list(node.children()).getFirst());
    // those that all rows need, before those that only some do
    PlanExpressions.map(node, expression -> CallGuards.replace(expression, evaluation::announced));
    LogicalPlan changed = PlanExpressions.map(node, expression -> CallGuards.replace(expression, evaluation::result));
    LogicalPlan replaced = changed.withNewChildren(Scala.<LogicalPlan>seq(List.of(evaluation.plan())));
    return onlyOutput(Calls.contains(replaced) ? extract(replaced) : replaced, plan);
  }

  /** Nodes that pass their child's columns on must not pass the results on too. */
  static LogicalPlan onlyOutput(LogicalPlan plan, LogicalPlan original) {
    if (plan.output().equals(original.output())) {
      return plan;
    }
    List<NamedExpression> columns = new ArrayList<>();
    for (Attribute attribute : Scala.<Attribute>list(original.output())) {
      columns.add(attribute);
    }
    return new Project(Scala.seq(columns), plan);
  }
}
