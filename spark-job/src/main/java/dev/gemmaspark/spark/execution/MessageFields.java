package dev.gemmaspark.spark.execution;

import java.io.Serializable;
import java.util.Arrays;
import java.util.Optional;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.sql.catalyst.util.MapData;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.NullType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.types.UTF8String;

/**
 * Where the messages of a chat have their role and content: in fields of a struct, or under keys of a map. They go by name, in any order;
 * others are left alone.
 *
 * @param fields of a struct, or 0 for maps
 * @param role where it is in a struct
 * @param content where it is in a struct
 */
public record MessageFields(int fields, int role, int content) implements Serializable {
  private static final long serialVersionUID = 1L;
  private static final String ROLE = "role";
  private static final String CONTENT = "content";

  /** What is wrong with messages of this type, if anything. */
  public static Optional<String> problem(DataType messages) {
    DataType element = ((ArrayType) messages).elementType();
    boolean fine =
        switch (element) {
          case StructType struct -> isText(struct, ROLE) && isText(struct, CONTENT);
          case MapType map -> map.keyType() instanceof StringType && map.valueType() instanceof StringType;
          default -> element instanceof NullType;
        };
    return fine
        ? Optional.empty()
        : Optional.of(
            "messages is an array of " + element.simpleString() + "; it must be one of structs with the texts role and content, or of maps with these keys");
  }

  private static boolean isText(StructType struct, String name) {
    int index = index(struct, name);
    return index >= 0 && (struct.fields()[index].dataType() instanceof StringType || struct.fields()[index].dataType() instanceof NullType);
  }

  /** The field of this name, however it is capitalized unless there are two. */
  private static int index(StructType struct, String name) {
    String[] names = struct.fieldNames();
    int exact = Arrays.asList(names).indexOf(name);
    for (int i = 0; exact < 0 && i < names.length; i++) {
      if (names[i].equalsIgnoreCase(name)) {
        return i;
      }
    }
    return exact;
  }

  /** Where they are in messages of a type that has no {@link #problem}. */
  public static MessageFields of(DataType messages) {
    return ((ArrayType) messages).elementType() instanceof StructType struct
        ? new MessageFields(struct.length(), index(struct, ROLE), index(struct, CONTENT))
        : new MessageFields(0, 0, 0);
  }

  /** A message's role, or null. */
  UTF8String role(ArrayData messages, int index) {
    return fields == 0 ? value(messages.getMap(index), ROLE) : value(messages.getStruct(index, fields), role);
  }

  /** A message's content, or null. */
  UTF8String content(ArrayData messages, int index) {
    return fields == 0 ? value(messages.getMap(index), CONTENT) : value(messages.getStruct(index, fields), content);
  }

  private static UTF8String value(InternalRow message, int ordinal) {
    return message.isNullAt(ordinal) ? null : message.getUTF8String(ordinal);
  }

  private static UTF8String value(MapData message, String key) {
    UTF8String wanted = UTF8String.fromString(key);
    for (int i = 0; i < message.numElements(); i++) {
      if (message.keyArray().getUTF8String(i).equals(wanted)) {
        return message.valueArray().isNullAt(i) ? null : message.valueArray().getUTF8String(i);
      }
    }
    return null;
  }
}
