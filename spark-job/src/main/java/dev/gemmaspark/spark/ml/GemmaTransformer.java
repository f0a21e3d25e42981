package dev.gemmaspark.spark.ml;

import dev.gemmaspark.engine.error.InvalidSettingException;
import dev.gemmaspark.spark.GemmaFunctions;
import dev.gemmaspark.spark.execution.GemmaFunction;
import dev.gemmaspark.spark.execution.Parameter;
import dev.gemmaspark.spark.execution.ResultShape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.ml.Transformer;
import org.apache.spark.ml.param.BooleanParam;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.param.StringArrayParam;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * A stage of a pipeline that adds a column of summaries or generated text:
 *
 * <pre>
 * new GemmaTransformer().setFunction("summarize").setInputCol("body").setOutputCol("summary").setArgument("maxWords", 60)
 * </pre>
 *
 * <p>Its parameters are {@code function} ({@code generate} or {@code summarize}), {@code inputCol}, {@code outputCol}, {@code failOnError},
 * {@code details}, and every argument of the SQL functions that is no column, by the same name and with the same meaning. Its result has the
 * type of the SQL function's. Saved and loaded with its pipeline.
 */
public final class GemmaTransformer extends Transformer implements DefaultParamsWritable {
  private static final long serialVersionUID = 1L;

  private final String uid;
  private final Param<String> function;
  private final Param<String> inputCol;
  private final Param<String> outputCol;
  private final BooleanParam failOnError;
  private final BooleanParam details;
  private final LinkedHashMap<String, Param<?>> arguments = new LinkedHashMap<>();

  public GemmaTransformer() {
    this(Identifiable$.MODULE$.randomUID("gemma"));
  }

  /** Public, because Spark makes what it loads by this. */
  public GemmaTransformer(String uid) {
    this.uid = uid;
    this.function = new Param<>(this, "function", "generate or summarize", name -> functions().contains(name));
    this.inputCol = new Param<>(this, "inputCol", "the column with prompts or texts");
    this.outputCol = new Param<>(this, "outputCol", "the column to add");
    this.failOnError = new BooleanParam(this, "failOnError", "whether a row that cannot be done fails the query");
    this.details = new BooleanParam(this, "details", "whether the result has reason and counts");
    for (GemmaFunction each : List.of(GemmaFunction.GENERATE, GemmaFunction.SUMMARIZE)) {
      for (Parameter parameter : each.parameters()) {
        if (!each.required().contains(parameter)) {
          arguments.computeIfAbsent(parameter.sqlName(), name -> argument(parameter));
        }
      }
    }
    setFunction("generate");
    set(failOnError, true);
    set(details, false);
  }

  private static List<String> functions() {
    return List.of("generate", "summarize");
  }

  private Param<?> argument(Parameter parameter) {
    DataType type = parameter.dataType();
    String name = parameter.sqlName();
    if (type.equals(DataTypes.IntegerType)) {
      return new IntParam(this, name, parameter.meaning(), value -> parameter.problem(value).isEmpty());
    }
    if (type.equals(DataTypes.DoubleType)) {
      return new DoubleParam(this, name, parameter.meaning(), value -> parameter.problem(value).isEmpty());
    }
    if (type.equals(DataTypes.LongType)) {
      return new LongParam(this, name, parameter.meaning());
    }
    return type.equals(DataTypes.StringType)
        ? new Param<String>(this, name, parameter.meaning(), value -> parameter.problem(value).isEmpty())
        : new StringArrayParam(this, name, parameter.meaning());
  }

  @Override
  public String uid() {
    return uid;
  }

  @Override
  public Param<?>[] params() {
    List<Param<?>> all = new ArrayList<>(List.of(function, inputCol, outputCol, failOnError, details));
    all.addAll(arguments.values());
    return all.toArray(Param<?>[]::new);
  }

  /** {@code generate} or {@code summarize}. */
  public GemmaTransformer setFunction(String name) {
    set(function, name);
    return this;
  }

  public GemmaTransformer setInputCol(String column) {
    set(inputCol, column);
    return this;
  }

  public GemmaTransformer setOutputCol(String column) {
    set(outputCol, column);
    return this;
  }

  public GemmaTransformer setFailOnError(boolean value) {
    set(failOnError, value);
    return this;
  }

  public GemmaTransformer setDetails(boolean value) {
    set(details, value);
    return this;
  }

  /**
   * An argument of the SQL function.
   *
   * @param name such as {@code maxTokens}
   * @throws InvalidSettingException if there is no such argument
   * @throws IllegalArgumentException if the value is not allowed
   */
  public GemmaTransformer setArgument(String name, Object value) {
    if (!arguments.containsKey(name)) {
      throw new InvalidSettingException(String.format(Locale.ROOT, "there is no argument '%s'; there are %s", name, arguments.keySet()));
    }
    set(name, value);
    return this;
  }

  @Override
  public Dataset<Row> transform(Dataset<?> dataset) {
    transformSchema(dataset.schema());
    Map<String, Object> named = new LinkedHashMap<>();
    named.put("failOnError", value(failOnError));
    named.put("details", value(details));
    arguments.forEach(
        (name, param) -> {
          if (isSet(param)) {
            Object value = value(param);
            named.put(name, value instanceof String[] texts ? functions.array(Arrays.stream(texts).map(functions::lit).toArray(Column[]::new)) : value);
          }
        });
    Column input = functions.col("`" + value(inputCol).replace("`", "``") + "`");
    Column call = value(function).equals("summarize") ? GemmaFunctions.summarize(input, named) : GemmaFunctions.generate(input, named);
    return dataset.withColumn(value(outputCol), call);
  }

  /**
   * {@inheritDoc}
   *
   * @throws InvalidSettingException if the input column is missing or no text, or the output column is there already
   */
  @Override
  public StructType transformSchema(StructType schema) {
    String input = value(inputCol);
    String output = value(outputCol);
    if (!Arrays.asList(schema.fieldNames()).contains(input) || !schema.apply(input).dataType().equals(DataTypes.StringType)) {
      throw new InvalidSettingException(String.format(Locale.ROOT, "there is no text column '%s' (inputCol); the columns are %s",
          input, schema.simpleString()));
    }
    if (Arrays.stream(schema.fieldNames()).anyMatch(output::equalsIgnoreCase)) {
      throw new InvalidSettingException(String.format(Locale.ROOT, "there is a column '%s' already (outputCol); name another", output));
    }
    return schema.add(output, ResultShape.of(value(failOnError), value(details)).dataType());
  }

  private <T> T value(Param<T> param) {
    if (!isSet(param)) {
      throw new InvalidSettingException(param.name() + " of " + uid + " is not set");
    }
    return getOrDefault(param);
  }

  private boolean value(BooleanParam param) {
    return (Boolean) getOrDefault(param);
  }

  @Override
  public GemmaTransformer copy(ParamMap extra) {
    return defaultCopy(extra);
  }

  /** What Spark reads a saved one with. */
  public static MLReader<GemmaTransformer> read() {
    return new DefaultParamsReader<>();
  }

  /** The one that was saved to a path. */
  public static GemmaTransformer load(String path) {
    return read().load(path);
  }
}
