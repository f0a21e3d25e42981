package dev.gemmaspark.spark.sql;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.CreateNamedStruct;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.Unevaluable;
import org.apache.spark.sql.catalyst.expressions.codegen.CodegenContext;
import org.apache.spark.sql.catalyst.expressions.codegen.ExprCode;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Seq;

/**
 * A call for each element of an array, which stood in a lambda function: {@code transform(a, x -> gemma_generate(x))}. Its one child is an
 * array of structs, each the arguments of a call, or NULL; its value the array of their results. Of lambda functions in lambda
 * functions, arrays of arrays.
 */
@SuppressWarnings("serial") // Scala's sequences are serializable, which their interface does not say
final class ElementCalls extends Expression implements Unevaluable, Serializable {
  private static final long serialVersionUID = 1L;

  private final GemmaCall call;
  private final int depth;
  private final Expression arguments;

  /**
   * @param call what is asked; its own arguments do not count
   * @param depth how many arrays are in each other
   * @param arguments structs in so many arrays
   */
  private ElementCalls(GemmaCall call, int depth, Expression arguments) {
    this.call = call;
    this.depth = depth;
    this.arguments = arguments;
  }

  /** What one element asks for: the struct of a call's arguments, or the arrays that a call over elements has already. */
  static Expression arguments(Expression call) {
    if (call instanceof ElementCalls elements) {
      return elements.arguments;
    }
    List<Expression> fields = new ArrayList<>();
    for (Expression argument : ((GemmaCall) call).values()) {
      fields.add(Literal.create(String.format(Locale.ROOT, "_%d", fields.size() / 2), DataTypes.StringType));
      fields.add(argument);
    }
    return new CreateNamedStruct(Scala.seq(fields));
  }

  /**
   * The calls over an array.
   *
   * @param call of one element
   * @param arguments an array of what {@link #arguments(Expression)} gave for that call
   */
  static ElementCalls of(Expression call, Expression arguments) {
    if (call instanceof ElementCalls elements) {
      return new ElementCalls(elements.call, elements.depth + 1, arguments);
    }
    GemmaCall each = (GemmaCall) call;
    List<Expression> none = new ArrayList<>();
    Scala.<Expression>list(each.children()).forEach(argument -> none.add(Literal.create(null, argument.dataType())));
    return new ElementCalls((GemmaCall) each.withNewChildren(Scala.<Expression>seq(none)), 1, arguments);
  }

  GemmaCall call() {
    return call;
  }

  int depth() {
    return depth;
  }

  ElementCalls withArguments(Expression changed) {
    return new ElementCalls(call, depth, changed);
  }

  @Override
  public Seq<Expression> children() {
    return Scala.seq(List.of(arguments));
  }

  @Override
  public Expression withNewChildrenInternal(IndexedSeq<Expression> newChildren) {
    return withArguments(newChildren.head());
  }

  @Override
  public DataType dataType() {
    DataType type = call.dataType();
    for (int i = 0; i < depth; i++) {
      type = DataTypes.createArrayType(type, true);
    }
    return type;
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
  public boolean throwable() {
    return true;
  }

  @Override
  public Object eval(InternalRow input) {
    throw new IllegalStateException(prettyName() + " was not moved into an operator");
  }

  @Override
  public ExprCode doGenCode(CodegenContext context, ExprCode code) {
    throw new IllegalStateException(prettyName() + " was not moved into an operator");
  }

  @Override
  public String prettyName() {
    return call.prettyName();
  }

  @Override
  public String sql() {
    return prettyName() + "(each of " + arguments.sql() + ")";
  }

  @Override
  public String toString() {
    return prettyName() + "(each of " + arguments + ")";
  }

  @Override
  public boolean canEqual(Object other) {
    return other instanceof ElementCalls;
  }

  @Override
  public int productArity() {
    return 3;
  }

  @Override
  public Object productElement(int index) {
    return switch (index) {
      case 0 -> call;
      case 1 -> depth;
      case 2 -> arguments;
      default -> throw new IndexOutOfBoundsException(index);
    };
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ElementCalls calls
        && call.equals(calls.call)
        && depth == calls.depth
        && arguments.equals(calls.arguments);
  }

  @Override
  public int hashCode() {
    return Objects.hash(call, depth, arguments);
  }
}
