package dev.gemmaspark.spark.sql;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.And;
import org.apache.spark.sql.catalyst.expressions.CaseWhen;
import org.apache.spark.sql.catalyst.expressions.Coalesce;
import org.apache.spark.sql.catalyst.expressions.EqualNullSafe;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.HigherOrderFunction;
import org.apache.spark.sql.catalyst.expressions.If;
import org.apache.spark.sql.catalyst.expressions.IsNull;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.Not;
import org.apache.spark.sql.catalyst.expressions.Or;
import org.apache.spark.sql.catalyst.expressions.TryEval;
import org.apache.spark.sql.types.DataTypes;
import scala.Option;
import scala.Tuple2;

/**
 * Replaces calls by their results, and keeps rows of the other branch away from the model. A call is moved out of its CASE, AND or OR, and
 * would then run for all rows: so its arguments become {@code if(condition of its branch, argument, NULL)}, and NULL costs nothing.
 *
 * <p>Only calls that can be made now are replaced: those whose arguments have no calls in them, nor the conditions they depend on. The
 * others wait until these have become columns.
 */
final class CallGuards {
  /** What stands for a call once it has been made. */
  @FunctionalInterface
  interface Results {
    /**
     * @param call with arguments that contain no calls
     * @param condition without calls; where it is not true, the result is not looked at; null if it always is
     */
    Expression of(Expression call, Expression condition);
  }

  private final Results results;

  private CallGuards(Results results) {
    this.results = results;
  }

  /** The expression with results in the place of all calls that can be made now: one at least, if it has any. */
  static Expression replace(Expression expression, Results results) {
    return new CallGuards(results).replace(expression, (Expression) null);
  }

  /** The call for rows where the condition is true; for the others its arguments are NULL. */
  static Expression guarded(Expression call, Expression condition) {
    if (condition == null) {
      return call;
    }
    List<Expression> arguments = new ArrayList<>();
    for (Expression argument : Scala.<Expression>list(call.children())) {
      // a call is not made where what it is about is NULL: that must be guarded, be it a constant
      boolean kept = argument instanceof Literal && !(call instanceof GemmaCall asked && asked.needs(arguments.size()));
      arguments.add(kept ? argument : new If(condition, argument, Literal.create(null, argument.dataType())));
    }
    return call.withNewChildren(Scala.<Expression>seq(arguments));
  }

  private Expression replace(Expression expression, Expression condition) {
    if (!Calls.contains(expression)) {
      return expression;
    }
    return switch (expression) {
      case If choice when Calls.contains(choice.predicate()) -> new If(
          replace(choice.predicate(), condition), choice.trueValue(), choice.falseValue());
      case If choice -> new If(
          choice.predicate(),
          replace(choice.trueValue(), both(condition, choice.predicate())),
          replace(choice.falseValue(), both(condition, isNotTrue(choice.predicate()))));
      case CaseWhen choice -> replace(choice, condition);
      case Coalesce choice -> replace(choice, condition);
      // where one side decides, the other may be anything; where the right one fails, the left one must say whether it is looked at
      case Or choice when !Calls.contains(choice.left()) -> new Or(
          choice.left(), replace(choice.right(), both(condition, isNotTrue(choice.left()))));
      case Or choice when !Calls.contains(choice.right()) -> new Or(
          replace(choice.left(), both(condition, isNotTrue(new TryEval(choice.right())))), choice.right());
      case Or choice -> new Or(replace(choice.left(), condition), choice.right());
      case And choice when !Calls.contains(choice.left()) -> new And(
          choice.left(), replace(choice.right(), both(condition, isNotFalse(choice.left()))));
      case And choice when !Calls.contains(choice.right()) -> new And(
          replace(choice.left(), both(condition, isNotFalse(new TryEval(choice.right())))), choice.right());
      case And choice -> new And(replace(choice.left(), condition), choice.right());
      case HigherOrderFunction function when Calls.anyContains(Scala.<Expression>list(function.functions())) ->
          LambdaCalls.replace(function, condition, results);
      default -> Calls.isCall(expression) && !Calls.anyContains(Scala.<Expression>list(expression.children()))
          ? results.of(expression, condition)
          : Calls.mapChildren(expression, child -> replace(child, condition));
    };
  }

  private Expression replace(CaseWhen choice, Expression condition) {
    List<Tuple2<Expression, Expression>> branches = new ArrayList<>(Scala.<Tuple2<Expression, Expression>>list(choice.branches()));
    Expression before = condition;
    for (int i = 0; i < branches.size(); i++) {
      Tuple2<Expression, Expression> branch = branches.get(i);
      if (Calls.contains(branch._1())) {
        // what comes after it depends on its result
        branches.set(i, new Tuple2<>(replace(branch._1(), before), branch._2()));
        return new CaseWhen(Scala.seq(branches), choice.elseValue());
      }
      branches.set(i, new Tuple2<>(branch._1(), replace(branch._2(), both(before, branch._1()))));
      before = both(before, isNotTrue(branch._1()));
    }
    Option<Expression> last =
        choice.elseValue().isEmpty() ? choice.elseValue() : Option.apply(replace(choice.elseValue().get(), before));
    return new CaseWhen(Scala.seq(branches), last);
  }

  private Expression replace(Coalesce choice, Expression condition) {
    List<Expression> values = new ArrayList<>(Scala.<Expression>list(choice.children()));
    Expression before = condition;
    for (int i = 0; i < values.size(); i++) {
      if (Calls.contains(values.get(i))) {
        values.set(i, replace(values.get(i), before));
        break;
      }
      before = both(before, new IsNull(values.get(i)));
    }
    return new Coalesce(Scala.seq(values));
  }

  /** Both conditions, where null stands for none. The right one is evaluated only where the left one is true: it may be an error elsewhere. */
  static Expression both(Expression left, Expression right) {
    if (left == null || right == null) {
      return left == null ? right : left;
    }
    return new If(left, right, Literal.create(false, DataTypes.BooleanType));
  }

  /** False or NULL. */
  private static Expression isNotTrue(Expression condition) {
    return new Not(new EqualNullSafe(condition, Literal.create(true, DataTypes.BooleanType)));
  }

  /** True or NULL. */
  private static Expression isNotFalse(Expression condition) {
    return new Not(new EqualNullSafe(condition, Literal.create(false, DataTypes.BooleanType)));
  }
}
