package dev.gemmaspark.spark;

import dev.gemmaspark.spark.execution.GemmaFunction;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.catalyst.analysis.UnresolvedFunction;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedArgumentExpression;
import org.apache.spark.sql.catalyst.expressions.SortOrder;
import org.apache.spark.sql.classic.ExpressionUtils;
import org.apache.spark.sql.functions;
import scala.Option;
import scala.jdk.javaapi.CollectionConverters;

/**
 * The SQL functions for DataFrames in Java and Scala. Arguments beyond the required ones go by name, as in SQL; a value is a {@link Column} or
 * a constant:
 *
 * <pre>
 * docs.select(col("id"), GemmaFunctions.summarize(col("body"), Map.of("style", "bullets", "seed", col("id"))))
 * </pre>
 *
 * What is wrong with a call is found when the query is analyzed. With Spark Connect, use {@code functions.expr} instead.
 */
public final class GemmaFunctions {
  private GemmaFunctions() {}

  /** {@code gemma_generate(prompt)}. */
  public static Column generate(Column prompt) {
    return generate(prompt, Map.of());
  }

  /** {@code gemma_generate(prompt, name => value, …)}. */
  public static Column generate(Column prompt, Map<String, ?> arguments) {
    return call(GemmaFunction.GENERATE, arguments, prompt);
  }

  /** {@code gemma_chat(messages)}: an array of structs or maps with a role and a content. */
  public static Column chat(Column messages) {
    return chat(messages, Map.of());
  }

  /** {@code gemma_chat(messages, name => value, …)}. */
  public static Column chat(Column messages, Map<String, ?> arguments) {
    return call(GemmaFunction.CHAT, arguments, messages);
  }

  /** {@code gemma_summarize(content)}. */
  public static Column summarize(Column content) {
    return summarize(content, Map.of());
  }

  /** {@code gemma_summarize(content, name => value, …)}. */
  public static Column summarize(Column content, Map<String, ?> arguments) {
    return call(GemmaFunction.SUMMARIZE, arguments, content);
  }

  /** {@code gemma_answer(question, passages)}. */
  public static Column answer(Column question, Column passages) {
    return answer(question, passages, Map.of());
  }

  /** {@code gemma_answer(question, passages, name => value, …)}. */
  public static Column answer(Column question, Column passages, Map<String, ?> arguments) {
    return call(GemmaFunction.ANSWER, arguments, question, passages);
  }

  /** {@code gemma_count_tokens(text)}. */
  public static Column countTokens(Column text) {
    return functions.call_function("gemma_count_tokens", text);
  }

  private static Column call(GemmaFunction function, Map<String, ?> named, Column... required) {
    List<Expression> arguments = new ArrayList<>();
    for (Column column : required) {
      arguments.add(ExpressionUtils.expression(column));
    }
    named.forEach(
        (name, value) -> {
          Column column = value instanceof Column already ? already : functions.lit(value);
          arguments.add(new NamedArgumentExpression(name, ExpressionUtils.expression(column)));
        });
    return ExpressionUtils.column(
        new UnresolvedFunction(
            CollectionConverters.asScala(List.of(function.sqlName())).toSeq(),
            CollectionConverters.asScala(arguments).toSeq(),
            false,
            Option.empty(),
            Option.empty(),
            CollectionConverters.<SortOrder>asScala(List.of()).toSeq(),
            false));
  }
}
