package dev.gemmaspark.engine.arrow;

import java.util.List;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * The columns of prompts and of results. In {@link #REQUESTS} every column may be null, which stands for its default; a row that has neither
 * a prompt nor messages has a null result, and costs nothing.
 */
public final class GenerationSchema {
  public static final String PROMPT = "prompt";
  public static final String MESSAGES = "messages";
  public static final String ROLE = "role";
  public static final String CONTENT = "content";
  public static final String SYSTEM = "system";
  public static final String MAX_TOKENS = "max_tokens";
  public static final String TEMPERATURE = "temperature";
  public static final String TOP_K = "top_k";
  public static final String TOP_P = "top_p";
  public static final String MIN_P = "min_p";
  public static final String REPETITION_PENALTY = "repetition_penalty";
  public static final String SEED = "seed";
  public static final String STOP = "stop";

  public static final String TEXT = "text";
  public static final String FINISH_REASON = "finish_reason";
  public static final String PROMPT_TOKENS = "prompt_tokens";
  public static final String COMPLETION_TOKENS = "completion_tokens";
  public static final String ERROR = "error";

  private static final ArrowType UTF8 = ArrowType.Utf8.INSTANCE;
  private static final ArrowType INT32 = new ArrowType.Int(32, true);
  private static final ArrowType INT64 = new ArrowType.Int(64, true);
  private static final ArrowType FLOAT64 = new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE);

  /** One row is one request: a user's prompt, perhaps with a system text before it, or the messages of a chat; and how to sample. */
  public static final Schema REQUESTS =
      new Schema(
          List.of(
              field(PROMPT, UTF8),
              new Field(
                  MESSAGES,
                  FieldType.nullable(ArrowType.List.INSTANCE),
                  List.of(
                      new Field(
                          "element",
                          FieldType.nullable(ArrowType.Struct.INSTANCE),
                          List.of(field(ROLE, UTF8), field(CONTENT, UTF8))))),
              field(SYSTEM, UTF8),
              field(MAX_TOKENS, INT32),
              field(TEMPERATURE, FLOAT64),
              field(TOP_K, INT32),
              field(TOP_P, FLOAT64),
              field(MIN_P, FLOAT64),
              field(REPETITION_PENALTY, FLOAT64),
              field(SEED, INT64),
              new Field(
                  STOP, FieldType.nullable(ArrowType.List.INSTANCE), List.of(field("element", UTF8)))));

  /** One row is the result of the request in the same place: either text, reason and counts, or an error. */
  public static final Schema RESULTS =
      new Schema(
          List.of(
              field(TEXT, UTF8),
              field(FINISH_REASON, UTF8),
              field(PROMPT_TOKENS, INT32),
              field(COMPLETION_TOKENS, INT32),
              field(ERROR, UTF8)));

  private GenerationSchema() {}

  private static Field field(String name, ArrowType type) {
    return Field.nullable(name, type);
  }
}
