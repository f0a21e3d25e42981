package dev.gemmaspark.spark.execution;

import dev.gemmaspark.engine.arrow.GenerationSchema;
import dev.gemmaspark.engine.error.InvalidSettingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.complex.impl.UnionListWriter;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.unsafe.types.UTF8String;

/** The requests of one call for a batch of rows, as Arrow columns: one for each row, or for each element of its arrays. A row whose arguments are not allowed becomes an error at once. */
final class RequestColumns implements AutoCloseable {
  private final CallSpec call;
  private final VectorSchemaRoot root;
  private final Map<Integer, String> errors = new HashMap<>();
  private final List<Elements> shapes = new ArrayList<>();
  private int rows;

  RequestColumns(CallSpec call, BufferAllocator allocator) {
    this.call = call;
    this.root = VectorSchemaRoot.create(GenerationSchema.REQUESTS, allocator);
    root.allocateNew();
  }

  /** Adds a row, or all the elements that a row has calls for. */
  void add(InternalRow arguments) {
    shapes.add(
        Elements.read(arguments, call.firstArgument(), call.depth(), call.function().parameters().size(), this::addOne));
  }

  private void addOne(InternalRow arguments, int first) {
    Arguments of = new Arguments(call.function(), arguments, first);
    int row = rows++;
    if (call.function().required().stream().anyMatch(of::isNull)) {
      return;
    }
    try {
      call.function().write(of, call.texts(), this);
    } catch (InvalidSettingException e) {
      errors.put(row, e.getMessage());
      return;
    }
    if (!of.isNull(Parameter.SYSTEM)) {
      text(GenerationSchema.SYSTEM, row, of.text(Parameter.SYSTEM));
    }
    integer(GenerationSchema.MAX_TOKENS, row, of, Parameter.MAX_TOKENS);
    number(GenerationSchema.TEMPERATURE, row, of, Parameter.TEMPERATURE);
    integer(GenerationSchema.TOP_K, row, of, Parameter.TOP_K);
    number(GenerationSchema.TOP_P, row, of, Parameter.TOP_P);
    number(GenerationSchema.MIN_P, row, of, Parameter.MIN_P);
    number(GenerationSchema.REPETITION_PENALTY, row, of, Parameter.REPETITION_PENALTY);
    if (!of.isNull(Parameter.SEED)) {
      ((BigIntVector) root.getVector(GenerationSchema.SEED))
          .setSafe(row, of.row().getLong(of.ordinal(Parameter.SEED)));
    }
    if (!of.isNull(Parameter.STOP)) {
      stop(row, of.row().getArray(of.ordinal(Parameter.STOP)));
    }
  }

  /** Adds a row that is not to be done, whose arguments are not even looked at; arrays have one element then. */
  void addError(String reason) {
    shapes.add(Elements.one(call.depth()));
    errors.put(rows++, reason);
  }

  /** How many requests there are so far, those without a prompt too. */
  int size() {
    return rows;
  }

  /** Of each row, where its requests belong. */
  List<Elements> shapes() {
    return shapes;
  }

  /** What the user says in the row that is being added. */
  void prompt(String text) {
    text(GenerationSchema.PROMPT, rows - 1, text);
  }

  /** The turns of the row that is being added, each a role and a text. */
  void messages(ArrayData messages) {
    ListVector lists = (ListVector) root.getVector(GenerationSchema.MESSAGES);
    StructVector turns = (StructVector) lists.getDataVector();
    int at = lists.startNewValue(rows - 1);
    for (int i = 0; i < messages.numElements(); i++) {
      if (!messages.isNullAt(i)) {
        turns.setIndexDefined(at + i);
        part(turns, GenerationSchema.ROLE, at + i, call.messages().role(messages, i));
        part(turns, GenerationSchema.CONTENT, at + i, call.messages().content(messages, i));
      }
    }
    lists.endValue(rows - 1, messages.numElements());
  }

  private static void part(StructVector turns, String name, int at, UTF8String text) {
    if (text != null) {
      turns.getChild(name, VarCharVector.class).setSafe(at, text.getBytes());
    }
  }

  /** The columns of all rows added. */
  VectorSchemaRoot root() {
    root.setRowCount(rows);
    return root;
  }

  /** What is wrong with rows that were not handed in. */
  Map<Integer, String> errors() {
    return errors;
  }

  @Override
  public void close() {
    root.close();
  }

  private void text(String column, int row, String value) {
    ((VarCharVector) root.getVector(column)).setSafe(row, value.getBytes(StandardCharsets.UTF_8));
  }

  private void integer(String column, int row, Arguments of, Parameter parameter) {
    if (!of.isNull(parameter)) {
      ((IntVector) root.getVector(column)).setSafe(row, of.row().getInt(of.ordinal(parameter)));
    }
  }

  private void number(String column, int row, Arguments of, Parameter parameter) {
    if (!of.isNull(parameter)) {
      ((Float8Vector) root.getVector(column)).setSafe(row, of.row().getDouble(of.ordinal(parameter)));
    }
  }

  private void stop(int row, ArrayData texts) {
    UnionListWriter writer = ((ListVector) root.getVector(GenerationSchema.STOP)).getWriter();
    writer.setPosition(row);
    writer.startList();
    for (int i = 0; i < texts.numElements(); i++) {
      if (!texts.isNullAt(i)) {
        writer.writeVarChar(texts.getUTF8String(i).toString());
      }
    }
    writer.endList();
  }
}
