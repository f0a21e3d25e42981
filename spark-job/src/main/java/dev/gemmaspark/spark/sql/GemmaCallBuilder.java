package dev.gemmaspark.spark.sql;

import dev.gemmaspark.engine.error.InvalidSettingException;
import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.execution.GemmaFunction;
import dev.gemmaspark.spark.execution.Parameter;
import dev.gemmaspark.spark.execution.PromptTexts;
import dev.gemmaspark.spark.execution.ResultShape;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.NamedArgumentExpression;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.unsafe.types.UTF8String;

/** Makes a {@link GemmaCall} of a function's name and arguments: the required ones first, the rest by name. */
final class GemmaCallBuilder {
  private static final String FAIL_ON_ERROR = "failOnError";
  private static final String DETAILS = "details";

  /** Letters by which a misspelt name differs from the one that is meant. */
  private static final int MOST_MISTAKES = 2;

  private final GemmaFunction function;
  private final Map<Parameter, Expression> values = new LinkedHashMap<>();
  private final GemmaConf conf;
  private boolean failOnError;
  private boolean details;

  private GemmaCallBuilder(GemmaFunction function, GemmaConf conf) {
    this.function = function;
    this.conf = conf;
    this.failOnError = conf.failOnError();
  }

  /**
   * The call.
   *
   * @throws InvalidSettingException if an argument is unknown, missing, or given twice
   */
  static Expression build(GemmaFunction function, List<Expression> arguments) {
    SparkVersion.require();
    GemmaConf conf = SessionSettings.current();
    GemmaCallBuilder builder = new GemmaCallBuilder(function, conf);
    for (int i = 0; i < arguments.size(); i++) {
      if (arguments.get(i) instanceof NamedArgumentExpression named) {
        builder.named(named.key(), named.value());
      } else {
        builder.positional(i, arguments.get(i));
      }
    }
    return builder.call(AnalysisErrors.ofSetting(() -> PromptTexts.read(conf.promptDirectory())));
  }

  private void positional(int index, Expression value) {
    List<Parameter> required = function.required();
    if (index >= required.size()) {
      throw wrong(
          String.format(Locale.ROOT, "takes %s without a name; write the others as name => value",
              String.join(", ", required.stream().map(Parameter::sqlName).toList())));
    }
    values.put(required.get(index), value);
  }

  private void named(String name, Expression value) {
    if (name.equalsIgnoreCase(FAIL_ON_ERROR)) {
      failOnError = constant(FAIL_ON_ERROR, value);
    } else if (name.equalsIgnoreCase(DETAILS)) {
      details = constant(DETAILS, value);
    } else {
      Parameter parameter =
          function
              .parameter(name)
              .orElseThrow(
                  () -> wrong("has no argument '" + name + "'; " + proposal(name)));
      if (values.put(parameter, value) != null) {
        throw wrong(String.format(Locale.ROOT, "is given the argument '%s' twice", parameter.sqlName()));
      }
    }
  }

  private String proposal(String name) {
    UTF8String wanted = plain(name);
    return function.argumentNames().stream()
        .filter(known -> wanted.levenshteinDistance(plain(known)) <= MOST_MISTAKES)
        .min(Comparator.comparingInt(known -> wanted.levenshteinDistance(plain(known))))
        .map(known -> "did you mean " + known + "?")
        .orElseGet(() -> "its arguments are " + function.argumentNames());
  }

  /** Without what differs between the styles of names. */
  private static UTF8String plain(String name) {
    return UTF8String.fromString(name.replace("_", "").toLowerCase(Locale.ROOT));
  }

  /** The switches decide the type of the result, so they cannot differ from row to row. */
  private boolean constant(String name, Expression value) {
    if (value instanceof Literal literal && literal.dataType().equals(DataTypes.BooleanType) && literal.value() != null) {
      return (Boolean) literal.value();
    }
    throw wrong(String.format(Locale.ROOT, "takes only a constant, true or false, for '%s'", name));
  }

  private Expression call(PromptTexts texts) {
    for (Parameter required : function.required()) {
      if (!values.containsKey(required)) {
        throw wrong(String.format(Locale.ROOT, "needs the argument '%s'", required.sqlName()));
      }
    }
    List<Parameter> given = new ArrayList<>(function.required());
    values.keySet().stream().filter(parameter -> !given.contains(parameter)).forEach(given::add);
    List<Expression> arguments = given.stream().map(values::get).toList();
    return new GemmaCall(function, ResultShape.of(failOnError, details), texts, conf, given, Scala.seq(arguments));
  }

  private InvalidSettingException wrong(String problem) {
    return new InvalidSettingException(function.sqlName() + " " + problem);
  }
}
