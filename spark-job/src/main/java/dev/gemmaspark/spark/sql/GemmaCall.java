package dev.gemmaspark.spark.sql;

import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.execution.CallSpec;
import dev.gemmaspark.spark.execution.GemmaFunction;
import dev.gemmaspark.spark.execution.MessageFields;
import dev.gemmaspark.spark.execution.Parameter;
import dev.gemmaspark.spark.execution.PromptTexts;
import dev.gemmaspark.spark.execution.ResultShape;
import dev.gemmaspark.spark.executor.EngineSettings;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.analysis.TypeCheckResult;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeSet;
import org.apache.spark.sql.catalyst.expressions.Cast;
import org.apache.spark.sql.catalyst.expressions.EvalMode$;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.ImplicitCastInputTypes;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.Unevaluable;
import org.apache.spark.sql.catalyst.expressions.codegen.CodegenContext;
import org.apache.spark.sql.catalyst.expressions.codegen.ExprCode;
import org.apache.spark.sql.types.AbstractDataType;
import org.apache.spark.sql.types.DataType;
import scala.Option;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Seq;

/**
 * A call of one of our functions in a query. It is never evaluated where it stands: {@link ExtractGemmaCalls} moves it into an operator
 * of its own. Deterministic, because equal calls give equal text; expensive, so that no rule copies it.
 */
@SuppressWarnings("serial") // Scala's sequences are serializable, which their interface does not say
final class GemmaCall extends Expression
    implements ImplicitCastInputTypes, Unevaluable, Serializable {
  private static final long serialVersionUID = 1L;

  private final GemmaFunction function;
  private final ResultShape shape;
  private final PromptTexts texts;
  private final GemmaConf conf;
  private final List<Parameter> parameters;
  private final Seq<Expression> arguments;

  /**
   * @param conf the settings of the session, as they are when the query is analyzed
   * @param parameters those that are given, the required ones first
   * @param arguments one for each of these
   */
  GemmaCall(
      GemmaFunction function, ResultShape shape, PromptTexts texts, GemmaConf conf, List<Parameter> parameters, Seq<Expression> arguments) {
    this.function = function;
    this.shape = shape;
    this.texts = texts;
    this.conf = conf;
    this.parameters = List.copyOf(parameters);
    this.arguments = arguments;
  }

  GemmaFunction function() {
    return function;
  }

  ResultShape shape() {
    return shape;
  }

  PromptTexts texts() {
    return texts;
  }

  GemmaConf conf() {
    return conf;
  }

  /**
   * As tasks need it.
   *
   * @param read what it is computed from
   * @param depth of the arrays for whose elements it is called, 0 for a call of each row
   * @param firstArgument where its {@link #values}, or the arrays, begin among those of all calls
   */
  CallSpec spec(EngineSettings engine, AttributeSet read, int depth, int firstArgument) {
    List<String> columns = Scala.<Attribute>list(read.toSeq()).stream().map(Attribute::name).filter(name -> !name.startsWith("_gemma")).toList();
    return new CallSpec(
        function,
        shape,
        texts,
        columns.isEmpty() ? "" : " of " + String.join(", ", columns),
        parameters.contains(Parameter.MESSAGES) ? MessageFields.of(value(Parameter.MESSAGES).dataType()) : null,
        engine,
        depth,
        firstArgument);
  }

  /** The arguments as tasks read them: one for each of the function's parameters, of its type, NULL where it was not given. */
  List<Expression> values() {
    return function.parameters().stream().map(this::value).toList();
  }

  /** Whether nothing is asked where this argument is NULL. */
  boolean needs(int argument) {
    return function.required().contains(parameters.get(argument));
  }

  private Expression value(Parameter parameter) {
    int index = parameters.indexOf(parameter);
    if (index < 0) {
      return Literal.create(null, parameter.dataType());
    }
    Expression argument = arguments.apply(index);
    return parameter.isNumber() && !argument.dataType().equals(parameter.dataType())
        ? new Cast(argument, parameter.dataType(), Option.empty(), EvalMode$.MODULE$.ANSI())
        : argument;
  }

  @Override
  public Seq<Expression> children() {
    return arguments;
  }

  @Override
  public Expression withNewChildrenInternal(IndexedSeq<Expression> newChildren) {
    return new GemmaCall(function, shape, texts, conf, parameters, newChildren);
  }

  /** Named arguments mean the same in any order. */
  @Override
  public Expression canonicalized() {
    List<Parameter> ordered = parameters.stream().sorted().toList();
    List<Expression> values = ordered.stream().map(parameter -> arguments.apply(parameters.indexOf(parameter)).canonicalized()).toList();
    return new GemmaCall(function, shape, texts, conf, ordered, Scala.seq(values));
  }

  @Override
  public DataType dataType() {
    return shape.dataType();
  }

  @Override
  public boolean nullable() {
    return true;
  }

  @Override
  public boolean foldable() {
    return false;
  }

  @Override
  public boolean contextIndependentFoldable() {
    return false;
  }

  @Override
  public boolean expensive() {
    return true;
  }

  /** Not to be moved to where it sees more rows, such as below a join. */
  @Override
  public boolean throwable() {
    return true;
  }

  @Override
  public Seq<AbstractDataType> inputTypes() {
    return Scala.seq(parameters.stream().map(Parameter::inputType).toList());
  }

  /** Types first; then constants, so that what can never work fails before anything runs. */
  @Override
  public TypeCheckResult checkInputDataTypes() {
    TypeCheckResult types = ImplicitCastInputTypes.super.checkInputDataTypes();
    if (types.isFailure()) {
      return types;
    }
    for (Parameter parameter : parameters) {
      Expression value = value(parameter);
      Optional<String> type = parameter == Parameter.MESSAGES ? MessageFields.problem(value.dataType()) : Optional.empty();
      if (type.isPresent()) {
        return new TypeCheckResult.TypeCheckFailure(type.get());
      }
      Object constant = value.foldable() && !(value instanceof Unevaluable) ? value.eval(InternalRow.empty()) : null;
      Optional<String> problem = constant == null ? Optional.empty() : parameter.problem(constant);
      if (problem.isPresent()) {
        return new TypeCheckResult.TypeCheckFailure(problem.get());
      }
    }
    return types;
  }

  @Override
  public Object eval(InternalRow input) {
    throw new IllegalStateException(function.sqlName() + " was not moved into an operator");
  }

  @Override
  public ExprCode doGenCode(CodegenContext context, ExprCode code) {
    throw new IllegalStateException(function.sqlName() + " was not moved into an operator");
  }

  @Override
  public String prettyName() {
    return function.sqlName();
  }

  /** As it was written. */
  @Override
  public String sql() {
    return written(Expression::sql);
  }

  @Override
  public String toString() {
    return written(Expression::toString);
  }

  private String written(Function<Expression, String> argument) {
    List<String> given = new ArrayList<>();
    for (int i = 0; i < parameters.size(); i++) {
      String name = function.required().contains(parameters.get(i)) ? "" : parameters.get(i).sqlName() + " => ";
      given.add(name + argument.apply(arguments.apply(i)));
    }
    return function.sqlName() + "(" + String.join(", ", given) + ")";
  }

  @Override
  public boolean canEqual(Object other) {
    return other instanceof GemmaCall;
  }

  @Override
  public int productArity() {
    return 6;
  }

  @Override
  public Object productElement(int index) {
    return switch (index) {
      case 0 -> function;
      case 1 -> shape;
      case 2 -> texts;
      case 3 -> conf;
      case 4 -> parameters;
      case 5 -> arguments;
      default -> throw new IndexOutOfBoundsException(index);
    };
  }

  /** Calls of different models differ, and those that run the same model in different ways do not. */
  @Override
  public boolean equals(Object other) {
    return other instanceof GemmaCall call
        && function == call.function
        && shape == call.shape
        && texts.equals(call.texts)
        && conf.text().equals(call.conf.text())
        && parameters.equals(call.parameters)
        && arguments.equals(call.arguments);
  }

  @Override
  public int hashCode() {
    return Objects.hash(function, shape, texts, conf.text(), parameters, arguments);
  }
}
