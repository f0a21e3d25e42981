package dev.gemmaspark.spark.execution;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.sql.catalyst.util.GenericArrayData;

/**
 * Where a row's requests belong: it has one, or arrays have one for each of their elements.
 *
 * @param each what an array has inside; null for a single request
 */
record Elements(List<Elements> each) {
  private static final Elements ONE = new Elements(null);

  /** Takes a request's arguments. */
  @FunctionalInterface
  interface Reader {
    /** @param first where they begin in the row */
    void read(InternalRow row, int first);
  }

  /** Gives results in the order in which requests were read. */
  @FunctionalInterface
  interface Results {
    Object next();
  }

  /** One request, in so many arrays. */
  static Elements one(int depth) {
    return depth == 0 ? ONE : new Elements(List.of(one(depth - 1)));
  }

  /**
   * Reads the arguments of a row's requests.
   *
   * @param ordinal where they begin in the row, or the array is
   * @param depth of the arrays; 0 for a single request
   * @param fields of the structs that the innermost arrays have
   * @return null for an array that is NULL
   */
  static Elements read(InternalRow row, int ordinal, int depth, int fields, Reader reader) {
    if (depth == 0) {
      reader.read(row, ordinal);
      return ONE;
    }
    return row.isNullAt(ordinal) ? null : read(row.getArray(ordinal), depth, fields, reader);
  }

  private static Elements read(ArrayData array, int depth, int fields, Reader reader) {
    List<Elements> each = new ArrayList<>();
    for (int i = 0; i < array.numElements(); i++) {
      if (depth == 1) {
        reader.read(array.getStruct(i, fields), 0);
        each.add(ONE);
      } else {
        each.add(array.isNullAt(i) ? null : read(array.getArray(i), depth - 1, fields, reader));
      }
    }
    return new Elements(each);
  }

  /** The results in arrays as the requests were. */
  static Object values(Elements shape, Results results) {
    if (shape == null) {
      return null;
    }
    if (shape.each == null) {
      return results.next();
    }
    Object[] values = new Object[shape.each.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = values(shape.each.get(i), results);
    }
    return new GenericArrayData(values);
  }
}
