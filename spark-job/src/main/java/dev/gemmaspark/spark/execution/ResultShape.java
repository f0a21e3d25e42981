package dev.gemmaspark.spark.execution;

import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** What a call returns: fixed when the query is analyzed. */
public enum ResultShape {
  /** The text; a row that cannot be done fails the query. */
  TEXT(DataTypes.StringType),
  /** The text, or what went wrong. */
  RESULT_OR_ERROR(
      new StructType()
          .add("result", DataTypes.StringType)
          .add("errorMessage", DataTypes.StringType)),
  /** The text with reason and counts; with {@code failOnError} a row that cannot be done fails the query all the same. */
  DETAILS_OR_FAIL(detailed()),
  /** The text with reason and counts, or what went wrong. */
  DETAILS_OR_ERROR(detailed());

  private final transient DataType dataType;

  ResultShape(DataType dataType) {
    this.dataType = dataType;
  }

  private static StructType detailed() {
    return new StructType()
        .add("result", DataTypes.StringType)
        .add("finishReason", DataTypes.StringType)
        .add("promptTokens", DataTypes.IntegerType)
        .add("completionTokens", DataTypes.IntegerType)
        .add("errorMessage", DataTypes.StringType);
  }

  /** The shape that a call's two switches ask for. */
  public static ResultShape of(boolean failOnError, boolean details) {
    if (details) {
      return failOnError ? DETAILS_OR_FAIL : DETAILS_OR_ERROR;
    }
    return failOnError ? TEXT : RESULT_OR_ERROR;
  }

  public DataType dataType() {
    return dataType;
  }

  boolean failsOnError() {
    return this == TEXT || this == DETAILS_OR_FAIL;
  }
}
