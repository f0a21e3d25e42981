package dev.gemmaspark.spark.sql;

import dev.gemmaspark.engine.error.InvalidSettingException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BinaryOperator;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.spark.sql.catalyst.expressions.ArrayExists;
import org.apache.spark.sql.catalyst.expressions.ArrayFilter;
import org.apache.spark.sql.catalyst.expressions.ArrayForAll;
import org.apache.spark.sql.catalyst.expressions.ArrayTransform;
import org.apache.spark.sql.catalyst.expressions.ArraysZip;
import org.apache.spark.sql.catalyst.expressions.CreateNamedStruct;
import org.apache.spark.sql.catalyst.expressions.ExprId;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.GetArrayItem;
import org.apache.spark.sql.catalyst.expressions.GetStructField;
import org.apache.spark.sql.catalyst.expressions.HigherOrderFunction;
import org.apache.spark.sql.catalyst.expressions.LambdaFunction;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.MapEntries;
import org.apache.spark.sql.catalyst.expressions.MapFilter;
import org.apache.spark.sql.catalyst.expressions.MapFromEntries;
import org.apache.spark.sql.catalyst.expressions.MapZipWith;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.NamedLambdaVariable;
import org.apache.spark.sql.catalyst.expressions.TransformKeys;
import org.apache.spark.sql.catalyst.expressions.TransformValues;
import org.apache.spark.sql.catalyst.expressions.ZipWith;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import scala.Option;

/**
 * Calls in lambda functions. Those of all elements are made at once, below, and the lambda function takes its element's result:
 *
 * <pre>
 * transform(a, x -> upper(gemma_generate(x)))  ─►  transform(a, (x, i) -> upper(_1[i]))
 *                                                  _1 = gemma_generate(each of transform(a, x -> struct(x, ...)))
 * </pre>
 *
 * Other functions over arrays and maps are written as {@code transform} first, where that can be done.
 */
final class LambdaCalls {
  private LambdaCalls() {}

  /**
   * The function with results in the place of the calls that can be made now.
   *
   * @param condition as in {@link CallGuards.Results}
   * @throws InvalidSettingException if a call depends on the result of the element before
   */
  static Expression replace(HigherOrderFunction function, Expression condition, CallGuards.Results results) {
    if (Calls.anyContains(Scala.<Expression>list(function.arguments()))) {
      // first the array, then what is done with its elements
      return inArguments(function, condition, results);
    }
    return switch (function) {
      case ArrayTransform transform -> new ArrayTransform(
          transform.argument(), elements(transform.argument(), transform.function(), condition, results));
      case ArrayFilter filter -> new ArrayFilter(
          filter.argument(), elements(filter.argument(), filter.function(), condition, results));
      default -> asTransform(function)
          .map(same -> CallGuards.replace(same, (call, inner) -> results.of(call, CallGuards.both(condition, inner))))
          .orElseGet(() -> independent(function, condition, results));
    };
  }

  private static Expression inArguments(HigherOrderFunction function, Expression condition, CallGuards.Results results) {
    Set<Expression> functions = Set.copyOf(Scala.<Expression>list(function.functions()));
    return Calls.mapChildren(
        (Expression) function,
        child ->
            functions.contains(child)
                ? child
                : CallGuards.replace(child, (call, inner) -> results.of(call, CallGuards.both(condition, inner))));
  }

  /** Only calls that read no variable of the function can be made before it. */
  private static Expression independent(HigherOrderFunction function, Expression condition, CallGuards.Results results) {
    return Calls.mapChildren(
        (Expression) function,
        child ->
            child instanceof LambdaFunction lambda
                ? lambda.withNewChildren(
                    Scala.seq(
                        withFirst(
                            CallGuards.replace(
                                lambda.function(),
                                (call, inner) -> {
                                  Expression guarded = CallGuards.guarded(call, inner);
                                  if (Calls.reads(guarded, variables(lambda).keySet())) {
                                    throw new InvalidSettingException(
                                        String.format(
                                            Locale.ROOT,
                                            "%s cannot be called in the lambda function of %s, which does not take each element by itself;"
                                                + " call it for the elements before, in a transform(...), or of the result",
                                            call.prettyName(),
                                            ((Expression) function).prettyName()));
                                  }
                                  return results.of(guarded, condition);
                                }),
                            lambda)))
                : child);
  }

  private static List<Expression> withFirst(Expression body, LambdaFunction lambda) {
    List<Expression> children = new ArrayList<>(Scala.<Expression>list(lambda.children()));
    children.set(0, body);
    return children;
  }

  /** The lambda function over an array's elements, with the results of its calls taken by the element's index. */
  private static LambdaFunction elements(
      Expression array, Expression function, Expression condition, CallGuards.Results results) {
    LambdaFunction lambda = withIndex((LambdaFunction) function);
    Map<ExprId, NamedLambdaVariable> variables = variables(lambda);
    Expression body =
        CallGuards.replace(
            lambda.function(),
            (call, inner) -> {
              Expression each = CallGuards.guarded(call, inner);
              if (!Calls.reads(each, variables.keySet())) {
                return results.of(each, condition);
              }
              Expression arguments = eachOf(array, lambda, ElementCalls.arguments(each));
              return itemOf(results.of(ElementCalls.of(each, arguments), condition), lambda);
            });
    return new LambdaFunction(body, lambda.arguments(), lambda.hidden());
  }

  /** What a part of a lambda function is for each element. */
  static Expression eachOf(Expression array, LambdaFunction lambda, Expression part) {
    return new ArrayTransform(array, renamed(lambda, part));
  }

  /** In a lambda function with index: its element's. */
  static Expression itemOf(Expression array, LambdaFunction lambda) {
    return new GetArrayItem(array, (Expression) lambda.arguments().apply(1), false);
  }

  /** With a second variable, the element's index. */
  static LambdaFunction withIndex(LambdaFunction lambda) {
    List<NamedExpression> arguments = new ArrayList<>(Scala.<NamedExpression>list(lambda.arguments()));
    if (arguments.size() == 1) {
      arguments.add(variable("i", DataTypes.IntegerType, false));
    }
    return new LambdaFunction(lambda.function(), Scala.seq(arguments), lambda.hidden());
  }

  /** A lambda function of the same arguments, with variables of its own: two functions must not share their values. */
  private static LambdaFunction renamed(LambdaFunction lambda, Expression body) {
    Map<ExprId, NamedLambdaVariable> fresh = new HashMap<>();
    List<NamedExpression> arguments = new ArrayList<>();
    variables(lambda).forEach((id, old) -> fresh.put(id, variable(old.name(), old.dataType(), old.nullable())));
    Scala.<NamedExpression>list(lambda.arguments()).forEach(argument -> arguments.add(fresh.get(argument.exprId())));
    return new LambdaFunction(substituted(body, fresh::get), Scala.seq(arguments), lambda.hidden());
  }

  private static Expression substituted(Expression body, Function<ExprId, ? extends Expression> substitutes) {
    return Calls.replace(
        body,
        part -> {
          Expression substitute = part instanceof NamedLambdaVariable variable ? substitutes.apply(variable.exprId()) : null;
          return substitute == null ? part : substitute;
        });
  }

  private static Map<ExprId, NamedLambdaVariable> variables(LambdaFunction lambda) {
    return Scala.<NamedExpression>list(lambda.arguments()).stream()
        .collect(Collectors.toMap(NamedExpression::exprId, NamedLambdaVariable.class::cast));
  }

  private static NamedLambdaVariable variable(String name, DataType type, boolean nullable) {
    return new NamedLambdaVariable(name, type, nullable, NamedExpression.newExprId(), new AtomicReference<>());
  }

  /** The same function by way of {@code transform}, if there is one. */
  static Optional<Expression> asTransform(HigherOrderFunction function) {
    return Optional.ofNullable(
        switch (function) {
          case ArrayExists exists -> {
            Expression each = new ArrayTransform(exists.argument(), exists.function());
            yield new ArrayExists(each, itself(each), exists.followThreeValuedLogic());
          }
          case ArrayForAll all -> {
            Expression each = new ArrayTransform(all.argument(), all.function());
            yield new ArrayForAll(each, itself(each));
          }
          case ZipWith zip -> {
            Expression pairs = new ArraysZip(Scala.seq(List.of(zip.left(), zip.right())), Scala.seq(List.of(text("0"), text("1"))));
            yield new ArrayTransform(pairs, ofPair(pairs, (LambdaFunction) zip.function(), (pair, value) -> value));
          }
          case TransformValues map -> {
            Expression entries = new MapEntries(map.argument());
            yield new MapFromEntries(
                new ArrayTransform(
                    entries, ofPair(entries, (LambdaFunction) map.function(), (entry, value) -> pair(field(entry, 0), value))));
          }
          case TransformKeys map -> {
            Expression entries = new MapEntries(map.argument());
            yield new MapFromEntries(
                new ArrayTransform(
                    entries, ofPair(entries, (LambdaFunction) map.function(), (entry, key) -> pair(key, field(entry, 1)))));
          }
          case MapFilter map -> {
            Expression entries = new MapEntries(map.argument());
            yield new MapFromEntries(
                new ArrayFilter(entries, ofPair(entries, (LambdaFunction) map.function(), (entry, keep) -> keep)));
          }
          case MapZipWith zip -> {
            LambdaFunction lambda = (LambdaFunction) zip.function();
            Expression zipped = new MapZipWith(zip.left(), zip.right(), bothValues(lambda));
            Expression entries = new MapEntries(zipped);
            yield new MapFromEntries(
                new ArrayTransform(entries, ofEntry(entries, lambda, entry -> List.of(field(entry, 0), field(field(entry, 1), 0), field(field(entry, 1), 1)), (entry, value) -> pair(field(entry, 0), value))));
          }
          default -> null;
        });
  }

  /** {@code x -> x}. */
  private static LambdaFunction itself(Expression array) {
    NamedLambdaVariable element = elementOf(array, "x");
    return new LambdaFunction(element, Scala.seq(List.of(element)), false);
  }

  /** {@code (k, v, w) -> struct(v, w)}. */
  private static LambdaFunction bothValues(LambdaFunction lambda) {
    List<NamedExpression> arguments = Scala.list(lambda.arguments());
    return renamed(lambda, pair((Expression) arguments.get(1), (Expression) arguments.get(2)));
  }

  /** A function of two variables as one of their pair. */
  private static LambdaFunction ofPair(Expression pairs, LambdaFunction lambda, BinaryOperator<Expression> result) {
    return ofEntry(pairs, lambda, pair -> List.of(field(pair, 0), field(pair, 1)), result);
  }

  /** A function of some variables as one of a struct that has their values. */
  private static LambdaFunction ofEntry(
      Expression structs, LambdaFunction lambda, Function<Expression, List<Expression>> values, BinaryOperator<Expression> result) {
    NamedLambdaVariable struct = elementOf(structs, "pair");
    List<Expression> each = values.apply(struct);
    Map<ExprId, Expression> fields = new HashMap<>();
    for (int i = 0; i < lambda.arguments().size(); i++) {
      fields.put(lambda.arguments().apply(i).exprId(), each.get(i));
    }
    return new LambdaFunction(
        result.apply(struct, substituted(lambda.function(), fields::get)), Scala.seq(List.of(struct)), lambda.hidden());
  }

  private static NamedLambdaVariable elementOf(Expression array, String name) {
    ArrayType type = (ArrayType) array.dataType();
    return variable(name, type.elementType(), type.containsNull());
  }

  private static Expression field(Expression struct, int ordinal) {
    return new GetStructField(struct, ordinal, Option.apply(((StructType) struct.dataType()).fields()[ordinal].name()));
  }

  private static Expression pair(Expression key, Expression value) {
    return new CreateNamedStruct(Scala.seq(List.of(text("key"), key, text("value"), value)));
  }

  private static Literal text(String value) {
    return Literal.create(value, DataTypes.StringType);
  }
}
