package dev.gemmaspark.spark.sql;

import dev.gemmaspark.spark.execution.GemmaFunction;
import java.util.Locale;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.ExpressionInfo;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.rules.Rule;
import org.apache.spark.sql.execution.ColumnarRule;
import org.apache.spark.sql.execution.SparkPlan;
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
        info(GemmaCall.class, function.sqlName(), function.usage(), arguments(function), function.example()),
        new AbstractFunction1<>() {
          @Override
          public Expression apply(Seq<Expression> arguments) {
            return AnalysisErrors.ofCall(() -> GemmaCallBuilder.build(function, Scala.<Expression>list(arguments)));
          }
        });
  }

  /** {@code gemma_count_tokens}, which never calls the model. */
  public static Tuple3<FunctionIdentifier, ExpressionInfo, Function1<Seq<Expression>, Expression>> countTokens() {
    return new Tuple3<>(
        new FunctionIdentifier(CountTokens.NAME),
        info(
            CountTokens.class,
            CountTokens.NAME,
            "_FUNC_(text) - Counts the tokens of a text, without <bos>, as Gemma sees them; the weights are not read. Rows of VALUES and conditions"
                + " on partition columns are counted by the driver, which needs the model then.",
            "* text - the text\n",
            "(body)"),
        new AbstractFunction1<>() {
          @Override
          public Expression apply(Seq<Expression> arguments) {
            return AnalysisErrors.ofCall(() -> CountTokens.of(Scala.<Expression>list(arguments)));
          }
        });
  }

  private static ExpressionInfo info(Class<?> type, String name, String usage, String arguments, String example) {
    return new ExpressionInfo(
        type.getName(),
        null,
        name,
        usage,
        "\n    Arguments:\n" + arguments.indent(6) + "  ",
        "\n    Examples:\n      > SELECT _FUNC_" + example + ";\n  ",
        "",
        "misc_funcs",
        "0.1.0",
        "",
        "java_udf");
  }

  private static String arguments(GemmaFunction function) {
    StringBuilder text = new StringBuilder();
    function.parameters().forEach(parameter -> text.append(String.format(Locale.ROOT, "* %s - %s%n", parameter.sqlName(), parameter.meaning())));
    return text
        .append("* failOnError - whether a row that cannot be done fails the query; else its error is part of the result\n")
        .append("* details - whether the result has finishReason, promptTokens, completionTokens and errorMessage too\n")
        .toString();
  }

  public static Rule<LogicalPlan> extraction() {
    return new ExtractGemmaCalls();
  }

  /** For adaptive plans. */
  public static Rule<SparkPlan> shuffles() {
    return new ShuffleBeforeSampling();
  }

  /** For plans that are not adaptive. */
  public static ColumnarRule shufflesOfFixedPlans() {
    return ShuffleBeforeSampling.ofFixedPlans();
  }

  public static SparkStrategy strategy() {
    return new GemmaStrategy();
  }
}
