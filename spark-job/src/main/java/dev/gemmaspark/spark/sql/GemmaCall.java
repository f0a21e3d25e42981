package dev.gemmaspark.spark.sql;

import dev.gemmaspark.spark.execution.GemmaFunction;
import dev.gemmaspark.spark.execution.Parameter;
import dev.gemmaspark.spark.execution.PromptTexts;
import dev.gemmaspark.spark.execution.ResultShape;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.analysis.TypeCheckResult;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.ImplicitCastInputTypes;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.Unevaluable;
import org.apache.spark.sql.catalyst.expressions.codegen.CodegenContext;
import org.apache.spark.sql.catalyst.expressions.codegen.ExprCode;
import org.apache.spark.sql.types.AbstractDataType;
import org.apache.spark.sql.types.DataType;
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
  private final Seq<Expression> arguments;

  /** @param arguments one for each of the function's parameters, in their order; a NULL literal where it was not given */
  GemmaCall(GemmaFunction function, ResultShape shape, PromptTexts texts, Seq<Expression> arguments) {
    this.function = function;
    this.shape = shape;
    this.texts = texts;
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

  /** The same call with another subject. */
  GemmaCall withSubject(Expression subject) {
    List<Expression> changed = new ArrayList<>(Scala.list(arguments));
    changed.set(0, subject);
    return new GemmaCall(function, shape, texts, Scala.seq(changed));
  }

  Expression subject() {
    return arguments.head();
  }

  @Override
  public Seq<Expression> children() {
    return arguments;
  }

  @Override
  public Expression withNewChildrenInternal(IndexedSeq<Expression> newChildren) {
    return new GemmaCall(function, shape, texts, newChildren);
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

  @Override
  public Seq<AbstractDataType> inputTypes() {
    return Scala.seq(function.parameters().stream().map(Parameter::dataType).toList());
  }

  /** Types first; then constants, so that what can never work fails before anything runs. */
  @Override
  public TypeCheckResult checkInputDataTypes() {
    TypeCheckResult types = ImplicitCastInputTypes.super.checkInputDataTypes();
    if (types.isFailure()) {
      return types;
    }
    List<Expression> children = Scala.list(arguments);
    for (int i = 0; i < children.size(); i++) {
      Expression child = children.get(i);
      if (child.foldable() && !(child instanceof Unevaluable)) {
        Object value = child.eval(InternalRow.empty());
        Optional<String> problem =
            value == null ? Optional.empty() : function.parameters().get(i).problem(value);
        if (problem.isPresent()) {
          return new TypeCheckResult.TypeCheckFailure(problem.get());
        }
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

  /** As it was written: without the arguments that were not given. */
  @Override
  public String sql() {
    return written(Expression::sql);
  }

  @Override
  public String toString() {
    return written(Expression::toString);
  }

  private String written(Function<Expression, String> argument) {
    List<Expression> all = Scala.list(arguments);
    List<String> given = new ArrayList<>();
    for (int i = 0; i < all.size(); i++) {
      if (i < function.required().size()) {
        given.add(argument.apply(all.get(i)));
      } else if (!(all.get(i) instanceof Literal literal && literal.value() == null)) {
        given.add(function.parameters().get(i).sqlName() + " => " + argument.apply(all.get(i)));
      }
    }
    return function.sqlName() + "(" + String.join(", ", given) + ")";
  }

  @Override
  public boolean canEqual(Object other) {
    return other instanceof GemmaCall;
  }

  @Override
  public int productArity() {
    return 4;
  }

  @Override
  public Object productElement(int index) {
    return switch (index) {
      case 0 -> function;
      case 1 -> shape;
      case 2 -> texts;
      case 3 -> arguments;
      default -> throw new IndexOutOfBoundsException(index);
    };
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof GemmaCall call
        && function == call.function
        && shape == call.shape
        && texts.equals(call.texts)
        && arguments.equals(call.arguments);
  }

  @Override
  public int hashCode() {
    return Objects.hash(function, shape, texts, arguments);
  }
}
