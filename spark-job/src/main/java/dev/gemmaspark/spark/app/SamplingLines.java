package dev.gemmaspark.spark.app;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gemmaspark.spark.execution.Parameter;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.CatalystTypeConverters;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;

/**
 * Sets of sampling parameters, a JSON object with the arguments of the SQL functions on each line: {@code {"temperature": 0.7, "seed": 1}}.
 * Every row is done once with each.
 *
 * @param lines as they were read
 * @param sets their values, in the same order
 */
record SamplingLines(List<String> lines, List<Map<Parameter, Object>> sets) {
  /** Which line a row was done with. */
  static final String COLUMN = "sampling";

  private static final String SET = "_gemma_sampling";
  private static final ObjectMapper MAPPER = new ObjectMapper();

  /** Reads a file, on any file system that Spark knows. */
  static SamplingLines read(SparkSession spark, String path) {
    return parse(InputFiles.read(spark, InputFiles.Format.TEXT, path, "--sampling").as(Encoders.STRING()).collectAsList(), path);
  }

  static SamplingLines parse(List<String> text, String path) {
    List<String> lines = text.stream().filter(line -> !line.isBlank()).map(String::strip).toList();
    List<Map<Parameter, Object>> sets = new ArrayList<>();
    for (int i = 0; i < lines.size(); i++) {
      sets.add(parse(lines.get(i), path + " (--sampling), line " + (i + 1) + ": "));
    }
    if (sets.isEmpty()) {
      throw new UsageException(path + " (--sampling) has no line; write a JSON object such as {\"temperature\": 0.7, \"seed\": 1} on each");
    }
    return new SamplingLines(lines, sets);
  }

  private static Map<Parameter, Object> parse(String line, String where) {
    JsonNode object;
    try {
      object = MAPPER.readTree(line);
    } catch (JsonProcessingException e) {
      throw new UsageException(where + "not JSON: " + e.getOriginalMessage());
    }
    if (!object.isObject()) {
      throw new UsageException(where + "a JSON object is expected");
    }
    Map<Parameter, Object> set = new LinkedHashMap<>();
    object
        .properties()
        .forEach(
            entry -> {
              Parameter parameter =
                  Parameter.COMMON.stream()
                      .filter(each -> each.sqlName().equals(entry.getKey()))
                      .findFirst()
                      .orElseThrow(
                          () ->
                              new UsageException(
                                  String.format(Locale.ROOT, "%sno parameter '%s'; there are %s",
                                      where, entry.getKey(), Parameter.COMMON.stream().map(Parameter::sqlName).toList())));
              Object value = value(parameter, entry.getValue(), where);
              parameter
                  .problem(CatalystTypeConverters.convertToCatalyst(value))
                  .ifPresent(
                      problem -> {
                        throw new UsageException(where + problem);
                      });
              set.put(parameter, value);
            });
    return set;
  }

  private static Object value(Parameter parameter, JsonNode node, String where) {
    Class<?> type =
        parameter.dataType().equals(DataTypes.IntegerType)
            ? Integer.class
            : parameter.dataType().equals(DataTypes.LongType) ? Long.class : parameter.dataType().equals(DataTypes.DoubleType) ? Double.class : String[].class;
    boolean fits = type == String[].class ? node.isArray() : type == Double.class ? node.isNumber() : node.isIntegralNumber();
    try {
      if (fits) {
        return MAPPER.treeToValue(node, type);
      }
    } catch (IOException e) {
      // said below
    }
    throw new UsageException(
        String.format(Locale.ROOT, "%s%s is %s; it must be %s",
            where, parameter.sqlName(), node, type == String[].class ? "a list of texts" : type == Double.class ? "a number" : "a whole number"));
  }

  int count() {
    return sets.size();
  }

  /** Every row once for each set, and {@link #COLUMN} that says for which. */
  Dataset<Row> times(Dataset<Row> rows) {
    Column[] all = new Column[sets.size()];
    for (int i = 0; i < all.length; i++) {
      List<Column> fields = new ArrayList<>(List.of(functions.lit(lines.get(i)).as(COLUMN)));
      for (Parameter parameter : Parameter.COMMON) {
        fields.add(literal(sets.get(i).get(parameter)).cast(parameter.dataType()).as(parameter.sqlName()));
      }
      all[i] = functions.struct(fields.toArray(Column[]::new));
    }
    return rows.withColumn(SET, functions.explode(functions.array(all))).withColumn(COLUMN, functions.col(SET).getField(COLUMN));
  }

  private static Column literal(Object value) {
    if (value instanceof String[] texts) {
      return functions.array(List.of(texts).stream().map(functions::lit).toArray(Column[]::new));
    }
    return functions.lit(value);
  }

  /** The arguments of a call for a row that {@link #times} gave: the set's, and what it does not say as it is for all. */
  Map<String, Object> arguments(Map<String, Object> forAll) {
    Map<String, Object> arguments = new LinkedHashMap<>(forAll);
    for (Parameter parameter : Parameter.COMMON) {
      if (sets.stream().anyMatch(set -> set.containsKey(parameter))) {
        Column own = functions.col(SET).getField(parameter.sqlName());
        Optional<Object> other = Optional.ofNullable(forAll.get(parameter.sqlName()));
        arguments.put(parameter.sqlName(), other.map(value -> functions.coalesce(own, functions.lit(value))).orElse(own));
      }
    }
    return arguments;
  }
}
