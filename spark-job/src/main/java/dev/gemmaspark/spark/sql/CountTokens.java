package dev.gemmaspark.spark.sql;

import dev.gemmaspark.engine.error.InvalidSettingException;
import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.execution.Parameter;
import dev.gemmaspark.spark.executor.TaskTokenizer;
import java.io.Serializable;
import java.util.List;
import java.util.Objects;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.ImplicitCastInputTypes;
import org.apache.spark.sql.catalyst.expressions.NamedArgumentExpression;
import org.apache.spark.sql.catalyst.expressions.codegen.CodegenContext;
import org.apache.spark.sql.catalyst.expressions.codegen.CodegenFallback;
import org.apache.spark.sql.catalyst.expressions.codegen.ExprCode;
import org.apache.spark.sql.types.AbstractDataType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.unsafe.types.UTF8String;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Seq;

/**
 * {@code gemma_count_tokens(text)}: an ordinary expression, evaluated where it stands, by the tokenizer of the JVM that evaluates it. That is the
 * driver where Spark computes rows while it plans: those of {@code VALUES}, and conditions on partition columns.
 */
@SuppressWarnings("serial") // Scala's sequences are serializable, which their interface does not say
final class CountTokens extends Expression implements ImplicitCastInputTypes, CodegenFallback, Serializable {
  static final String NAME = "gemma_count_tokens";
  private static final long serialVersionUID = 1L;

  private final Expression text;
  private final GemmaConf conf;
  private final TaskTokenizer tokenizer;

  CountTokens(Expression text, GemmaConf conf) {
    this.text = text;
    this.conf = conf;
    this.tokenizer = new TaskTokenizer(conf);
  }

  static Expression of(List<Expression> arguments) {
    SparkVersion.require();
    if (arguments.size() != 1) {
      throw new InvalidSettingException(NAME + " takes one argument, text; it is given " + arguments.size());
    }
    Expression argument = arguments.getFirst();
    if (argument instanceof NamedArgumentExpression named) {
      if (!named.key().equalsIgnoreCase("text")) {
        throw new InvalidSettingException(NAME + " has no argument '" + named.key() + "'; its argument is text");
      }
      argument = named.value();
    }
    return new CountTokens(argument, SessionSettings.current());
  }

  @Override
  public Object eval(InternalRow input) {
    UTF8String value = (UTF8String) text.eval(input);
    return value == null ? null : tokenizer.count(value.toString());
  }

  /** No constant: a query whose text stands in it is not counted while it is analyzed. */
  @Override
  public boolean foldable() {
    return false;
  }

  @Override
  public boolean contextIndependentFoldable() {
    return false;
  }

  @Override
  public ExprCode doGenCode(CodegenContext context, ExprCode code) {
    return CodegenFallback.super.doGenCode(context, code);
  }

  @Override
  public DataType dataType() {
    return DataTypes.IntegerType;
  }

  @Override
  public boolean nullable() {
    return text.nullable();
  }

  @Override
  public Seq<AbstractDataType> inputTypes() {
    return Scala.seq(List.of(Parameter.CONTENT.inputType()));
  }

  @Override
  public org.apache.spark.sql.catalyst.analysis.TypeCheckResult checkInputDataTypes() {
    return ImplicitCastInputTypes.super.checkInputDataTypes();
  }

  @Override
  public Seq<Expression> children() {
    return Scala.seq(List.of(text));
  }

  @Override
  public Expression withNewChildrenInternal(IndexedSeq<Expression> newChildren) {
    return new CountTokens(newChildren.head(), conf);
  }

  @Override
  public String prettyName() {
    return NAME;
  }

  @Override
  public boolean canEqual(Object other) {
    return other instanceof CountTokens;
  }

  @Override
  public int productArity() {
    return 2;
  }

  @Override
  public Object productElement(int index) {
    return switch (index) {
      case 0 -> text;
      case 1 -> conf;
      default -> throw new IndexOutOfBoundsException(index);
    };
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof CountTokens count && text.equals(count.text) && conf.text().equals(count.conf.text());
  }

  @Override
  public int hashCode() {
    return Objects.hash(text, conf.text());
  }
}
