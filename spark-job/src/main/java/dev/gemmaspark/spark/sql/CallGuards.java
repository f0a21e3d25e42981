package dev.gemmaspark.spark.sql;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.And;
import org.apache.spark.sql.catalyst.expressions.CaseWhen;
import org.apache.spark.sql.catalyst.expressions.Coalesce;
import org.apache.spark.sql.catalyst.expressions.EqualNullSafe;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.If;
import org.apache.spark.sql.catalyst.expressions.IsNull;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.Not;
import org.apache.spark.sql.catalyst.expressions.Or;
import org.apache.spark.sql.types.DataTypes;
import scala.Option;
import scala.Tuple2;

/**
 * Keeps rows of the other branch away from the model. A call is moved out of its CASE, AND or OR, and would then run for all rows: so its subject
 * becomes {@code if(condition of its branch, subject, NULL)}, and NULL costs nothing.
 */
final class CallGuards {
  private CallGuards() {}

  /** The expression with its calls guarded; the conditions themselves contain no calls. */
  static Expression guard(Expression expression) {
    return guard(expression, null);
  }

  private static Expression guard(Expression expression, Expression condition) {
    if (!Calls.contains(expression)) {
      return expression;
    }
    return switch (expression) {
      case If choice when !Calls.contains(choice.predicate()) -> new If(
          choice.predicate(),
          guard(choice.trueValue(), and(condition, choice.predicate())),
          guard(choice.falseValue(), and(condition, isNotTrue(choice.predicate()))));
      case CaseWhen choice when conditionsAreFreeOfCalls(choice) -> guard(choice, condition);
      case Coalesce choice -> guard(choice, condition);
      // where one side decides, the other may be anything
      case Or choice when !Calls.contains(choice.left()) -> new Or(
          choice.left(), guard(choice.right(), and(condition, isNotTrue(choice.left()))));
      case Or choice when !Calls.contains(choice.right()) -> new Or(
          guard(choice.left(), and(condition, isNotTrue(choice.right()))), choice.right());
      case And choice when !Calls.contains(choice.left()) -> new And(
          choice.left(), guard(choice.right(), and(condition, isNotFalse(choice.left()))));
      case And choice when !Calls.contains(choice.right()) -> new And(
          guard(choice.left(), and(condition, isNotFalse(choice.right()))), choice.right());
      case GemmaCall call when condition != null -> {
        GemmaCall inner = (GemmaCall) Calls.mapChildren(call, child -> guard(child, condition));
        yield inner.withSubject(
            new If(condition, inner.subject(), Literal.create(null, inner.subject().dataType())));
      }
      default -> Calls.mapChildren(expression, child -> guard(child, condition));
    };
  }

  private static Expression guard(CaseWhen choice, Expression condition) {
    List<Tuple2<Expression, Expression>> branches = new ArrayList<>();
    Expression before = condition;
    for (Tuple2<Expression, Expression> branch : Scala.<Tuple2<Expression, Expression>>list(choice.branches())) {
      branches.add(new Tuple2<>(branch._1(), guard(branch._2(), and(before, branch._1()))));
      before = and(before, isNotTrue(branch._1()));
    }
    Expression otherwise = before;
    Option<Expression> last =
        choice.elseValue().isEmpty() ? choice.elseValue() : Option.apply(guard(choice.elseValue().get(), otherwise));
    return new CaseWhen(Scala.seq(branches), last);
  }

  private static Expression guard(Coalesce choice, Expression condition) {
    List<Expression> values = new ArrayList<>();
    Expression before = condition;
    for (Expression value : Scala.<Expression>list(choice.children())) {
      values.add(guard(value, before));
      if (!Calls.contains(value)) {
        before = and(before, new IsNull(value));
      }
    }
    return new Coalesce(Scala.seq(values));
  }

  private static boolean conditionsAreFreeOfCalls(CaseWhen choice) {
    return Scala.<Tuple2<Expression, Expression>>list(choice.branches()).stream()
        .noneMatch(branch -> Calls.contains(branch._1()));
  }

  private static Expression and(Expression left, Expression right) {
    return left == null ? right : new And(left, right);
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
