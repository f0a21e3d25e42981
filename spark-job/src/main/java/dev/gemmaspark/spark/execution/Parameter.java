package dev.gemmaspark.spark.execution;

import dev.gemmaspark.engine.error.InvalidSettingException;
import dev.gemmaspark.engine.generation.SamplingParameters;
import dev.gemmaspark.engine.generation.StopConditions;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.internal.types.AbstractArrayType;
import org.apache.spark.sql.internal.types.StringTypeWithCollation;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.sql.types.AbstractDataType;
import org.apache.spark.sql.types.ArrayType$;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.IntegralType$;
import org.apache.spark.sql.types.NumericType;
import org.apache.spark.sql.types.NumericType$;
import org.apache.spark.sql.types.StructType;

/** An argument of a SQL function, other than the switches that decide its type. NULL stands for the default. */
public enum Parameter {
  PROMPT("prompt", DataTypes.StringType, "the user's turn"),
  MESSAGES(
      "messages",
      DataTypes.createArrayType(
          new StructType().add("role", DataTypes.StringType).add("content", DataTypes.StringType)),
      "the turns so far, structs or maps with role and content: roles system (first, or not at all), user and assistant by turns, the user's last"),
  CONTENT("content", DataTypes.StringType, "the text to summarize"),
  QUESTION("question", DataTypes.StringType, "what is asked"),
  PASSAGES("passages", DataTypes.createArrayType(DataTypes.StringType), "where the answer is looked for; the answer cites them as [1], [2], ..."),
  SYSTEM("system", DataTypes.StringType, "instructions for the whole conversation"),
  STYLE("style", DataTypes.StringType, "'sentence', 'sentences' or 'bullets' (default: 'sentence')"),
  MAX_WORDS("maxWords", DataTypes.IntegerType, "asks for at most so many words (default: no limit)"),
  MAX_TOKENS("maxTokens", DataTypes.IntegerType, "most tokens of the result (default: 256)"),
  TEMPERATURE("temperature", DataTypes.DoubleType, "0 always takes the most likely token (default: 0)"),
  TOP_K("topK", DataTypes.IntegerType, "draws from so many of the most likely tokens (default: all)"),
  TOP_P("topP", DataTypes.DoubleType, "draws from the fewest tokens whose probabilities add up to this (default: 1)"),
  MIN_P("minP", DataTypes.DoubleType, "leaves out tokens less likely than this times the most likely one (default: 0)"),
  REPETITION_PENALTY("repetitionPenalty", DataTypes.DoubleType, "above 1, tokens that have appeared become less likely (default: 1)"),
  SEED("seed", DataTypes.LongType, "of the random draws; equal calls with equal seeds give equal text (default: 0)"),
  STOP("stop", DataTypes.createArrayType(DataTypes.StringType), "texts that end the result (default: none)");

  /** Those that every function has, in the order of {@code GenerationSchema}. */
  public static final List<Parameter> COMMON =
      List.of(MAX_TOKENS, TEMPERATURE, TOP_K, TOP_P, MIN_P, REPETITION_PENALTY, SEED, STOP);

  /** Of any collation. */
  private static final AbstractDataType TEXT = StringTypeWithCollation.apply(true, true, true);

  private static final AbstractDataType NUMBER = NumericType$.MODULE$;
  private static final AbstractDataType WHOLE_NUMBER = IntegralType$.MODULE$;

  private final String sqlName;
  private final DataType dataType;
  private final String meaning;

  Parameter(String sqlName, DataType dataType, String meaning) {
    this.sqlName = sqlName;
    this.dataType = dataType;
    this.meaning = meaning;
  }

  /** As {@code DESCRIBE FUNCTION EXTENDED} prints it. */
  public String meaning() {
    return meaning;
  }

  public String sqlName() {
    return sqlName;
  }

  public DataType dataType() {
    return dataType;
  }

  /** What a query may give for it, where Spark puts casts that lose nothing. */
  public AbstractDataType inputType() {
    return switch (this) {
      case MESSAGES -> ArrayType$.MODULE$;
      case PASSAGES, STOP -> AbstractArrayType.apply(TEXT);
      default -> dataType.equals(DataTypes.StringType) ? TEXT : dataType.equals(DataTypes.DoubleType) ? NUMBER : WHOLE_NUMBER;
    };
  }

  /** Whether it is a number, of whatever type. */
  public boolean isNumber() {
    return dataType instanceof NumericType;
  }

  /**
   * Checks a constant.
   *
   * @param value of this parameter's type, as Spark's rows have it; not null
   * @return what is wrong with it, if anything
   */
  public Optional<String> problem(Object value) {
    SamplingParameters greedy = SamplingParameters.greedy();
    try {
      switch (this) {
        case STYLE -> SummaryStyle.of(value.toString());
        case MAX_WORDS -> SummaryStyle.requireMaxWords((Integer) value);
        case MAX_TOKENS -> StopConditions.maxTokens((Integer) value);
        case TEMPERATURE -> greedy.withTemperature((Double) value);
        case TOP_K -> greedy.withTopK((Integer) value);
        case TOP_P -> greedy.withTopP((Double) value);
        case MIN_P -> greedy.withMinP((Double) value);
        case REPETITION_PENALTY -> greedy.withRepetitionPenalty((Double) value);
        case STOP -> new StopConditions(StopConditions.DEFAULT_MAX_TOKENS, Arguments.texts((ArrayData) value));
        default -> {}
      }
      return Optional.empty();
    } catch (InvalidSettingException e) {
      return Optional.of(e.getMessage());
    }
  }
}
