package dev.gemmaspark.spark.sql;

import dev.gemmaspark.spark.execution.GemmaFunction;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.ExpressionInfo;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.rules.Rule;
import org.apache.spark.sql.execution.SparkStrategy;
import scala.Function1;
import scala.Tuple3;
import scala.collection.immutable.Seq;
import scala.runtime.AbstractFunction1;

/** The parts of this package that a session is extended with. */
public final class GemmaRules {
  private GemmaRules() {}

  /** A function by its bare name. */
  public static Tuple3<FunctionIdentifier, ExpressionInfo, Function1<Seq<Expression>, Expression>> function(
      GemmaFunction function) {
    return new Tuple3<>(
        new FunctionIdentifier(function.sqlName()),
        new ExpressionInfo(
            GemmaCall.class.getName(), null, function.sqlName(), function.usage(), "", "", "", "", "", "", "java_udf"),
        new AbstractFunction1<>() {
          @Override
          public Expression apply(Seq<Expression> arguments) {
            return GemmaCallBuilder.build(function, Scala.<Expression>list(arguments));
          }
        });
  }

  public static Rule<LogicalPlan> extraction() {
    return new ExtractGemmaCalls();
  }

  public static SparkStrategy strategy() {
    return new GemmaStrategy();
  }
}
