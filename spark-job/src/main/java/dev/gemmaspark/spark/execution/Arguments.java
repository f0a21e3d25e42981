package dev.gemmaspark.spark.execution;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.util.ArrayData;

/** The arguments of one call for one row. */
final class Arguments {
  private final GemmaFunction function;
  private final InternalRow row;
  private final int first;

  /**
   * @param row has the values of several calls
   * @param first where this call's begin
   */
  Arguments(GemmaFunction function, InternalRow row, int first) {
    this.function = function;
    this.row = row;
    this.first = first;
  }

  InternalRow row() {
    return row;
  }

  /** Where an argument is, or -1 if the function does not have it. */
  int ordinal(Parameter parameter) {
    int index = function.parameters().indexOf(parameter);
    return index < 0 ? -1 : first + index;
  }

  boolean isNull(Parameter parameter) {
    int ordinal = ordinal(parameter);
    return ordinal < 0 || row.isNullAt(ordinal);
  }

  /** A text, or null. */
  String text(Parameter parameter) {
    return isNull(parameter) ? null : row.getUTF8String(ordinal(parameter)).toString();
  }

  /** A whole number, or null. */
  Integer integer(Parameter parameter) {
    return isNull(parameter) ? null : row.getInt(ordinal(parameter));
  }

  /** An array that is not null. */
  ArrayData array(Parameter parameter) {
    return row.getArray(ordinal(parameter));
  }

  /** The texts of an array that is not null, without nulls. */
  List<String> texts(Parameter parameter) {
    return texts(array(parameter));
  }

  /** The texts of an array, without nulls. */
  static List<String> texts(ArrayData array) {
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < array.numElements(); i++) {
      if (!array.isNullAt(i)) {
        texts.add(array.getUTF8String(i).toString());
      }
    }
    return texts;
  }
}
