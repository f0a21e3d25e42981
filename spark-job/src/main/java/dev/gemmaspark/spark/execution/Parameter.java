package dev.gemmaspark.spark.execution;

import dev.gemmaspark.engine.error.InvalidSettingException;
import dev.gemmaspark.engine.generation.SamplingParameters;
import dev.gemmaspark.engine.generation.StopConditions;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;

/** An argument of a SQL function, other than the switches that decide its type. NULL stands for the default. */
public enum Parameter {
  PROMPT("prompt", DataTypes.StringType),
  CONTENT("content", DataTypes.StringType),
  SYSTEM("system", DataTypes.StringType),
  STYLE("style", DataTypes.StringType),
  MAX_WORDS("maxWords", DataTypes.IntegerType),
  MAX_TOKENS("maxTokens", DataTypes.IntegerType),
  TEMPERATURE("temperature", DataTypes.DoubleType),
  TOP_K("topK", DataTypes.IntegerType),
  TOP_P("topP", DataTypes.DoubleType),
  MIN_P("minP", DataTypes.DoubleType),
  REPETITION_PENALTY("repetitionPenalty", DataTypes.DoubleType),
  SEED("seed", DataTypes.LongType),
  STOP("stop", DataTypes.createArrayType(DataTypes.StringType));

  /** Those that every function has, in the order of {@code GenerationSchema}. */
  static final List<Parameter> COMMON =
      List.of(MAX_TOKENS, TEMPERATURE, TOP_K, TOP_P, MIN_P, REPETITION_PENALTY, SEED, STOP);

  private final String sqlName;
  private final DataType dataType;

  Parameter(String sqlName, DataType dataType) {
    this.sqlName = sqlName;
    this.dataType = dataType;
  }

  public String sqlName() {
    return sqlName;
  }

  public DataType dataType() {
    return dataType;
  }

  /**
   * Checks a constant.
   *
   * @param value of this parameter's type, not null
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
        default -> {}
      }
      return Optional.empty();
    } catch (InvalidSettingException e) {
      return Optional.of(e.getMessage());
    }
  }
}
