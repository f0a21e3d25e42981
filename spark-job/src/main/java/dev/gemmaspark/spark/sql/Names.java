package dev.gemmaspark.spark.sql;

import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeReference;
import org.apache.spark.sql.catalyst.expressions.ExprId;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.types.Metadata;
import scala.Option;
import scala.collection.immutable.Seq;

/** Makes named expressions, whose constructors have more parameters than anybody needs. */
final class Names {
  private Names() {}

  static Alias alias(Expression expression, String name, ExprId id) {
    return new Alias(expression, name, id, none(), Option.empty(), none());
  }

  /** The attribute that a call's result gets. */
  static Attribute result(Expression call, int number) {
    return new AttributeReference(
        "_" + call.prettyName() + "_" + number,
        call.dataType(),
        true,
        Metadata.empty(),
        NamedExpression.newExprId(),
        none());
  }

  private static Seq<String> none() {
    return Scala.seq(java.util.List.of());
  }
}
