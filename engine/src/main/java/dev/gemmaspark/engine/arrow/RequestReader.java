package dev.gemmaspark.engine.arrow;

import dev.gemmaspark.engine.chat.ChatTurn;
import dev.gemmaspark.engine.chat.Role;
import dev.gemmaspark.engine.error.InvalidSettingException;
import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.Prompt;
import dev.gemmaspark.engine.generation.SamplingParameters;
import dev.gemmaspark.engine.generation.StopConditions;
import dev.gemmaspark.engine.generation.Truncation;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.StructVector;

/** Reads requests from the columns of {@link GenerationSchema#REQUESTS}. */
final class RequestReader {
  private final VectorSchemaRoot rows;

  RequestReader(VectorSchemaRoot rows) {
    this.rows = rows;
  }

  /**
   * The request of a row.
   *
   * @return empty where there is neither a prompt nor a message
   * @throws dev.gemmaspark.engine.error.InvalidSettingException if a parameter is out of range
   */
  Optional<GenerationRequest> request(int row) {
    List<ChatTurn> turns = new ArrayList<>();
    text(GenerationSchema.SYSTEM, row).ifPresent(system -> turns.add(ChatTurn.system(system)));
    int before = turns.size();
    messages(row, turns);
    text(GenerationSchema.PROMPT, row).ifPresent(prompt -> turns.add(ChatTurn.user(prompt)));
    return turns.size() == before
        ? Optional.empty()
        : Optional.of(new GenerationRequest(new Prompt.Chat(turns), sampling(row), stop(row), Truncation.FAIL));
  }

  private void messages(int row, List<ChatTurn> turns) {
    Optional<ListVector> lists = vector(GenerationSchema.MESSAGES, row, ListVector.class);
    if (lists.isEmpty()) {
      return;
    }
    StructVector messages = (StructVector) lists.get().getDataVector();
    VarCharVector roles = messages.getChild(GenerationSchema.ROLE, VarCharVector.class);
    VarCharVector contents = messages.getChild(GenerationSchema.CONTENT, VarCharVector.class);
    int first = lists.get().getElementStartIndex(row);
    for (int i = first; i < lists.get().getElementEndIndex(row); i++) {
      requirePart(!messages.isNull(i), i - first + 1, "is NULL");
      requirePart(!roles.isNull(i), i - first + 1, "has no role");
      requirePart(!contents.isNull(i), i - first + 1, "has no content");
      Role role = Role.named(new String(roles.get(i), StandardCharsets.UTF_8));
      turns.add(new ChatTurn(role, new String(contents.get(i), StandardCharsets.UTF_8)));
    }
  }

  private static void requirePart(boolean holds, int number, String problem) {
    if (!holds) {
      throw new InvalidSettingException(
          String.format(Locale.ROOT, "message %d of the conversation %s; each has a role and a content", number, problem));
    }
  }

  private SamplingParameters sampling(int row) {
    SamplingParameters defaults = SamplingParameters.greedy();
    return new SamplingParameters(
        number(GenerationSchema.TEMPERATURE, row, defaults.temperature()),
        integer(GenerationSchema.TOP_K, row, defaults.topK()),
        number(GenerationSchema.TOP_P, row, defaults.topP()),
        number(GenerationSchema.MIN_P, row, defaults.minP()),
        number(GenerationSchema.REPETITION_PENALTY, row, defaults.repetitionPenalty()),
        seed(row, defaults.seed()));
  }

  private StopConditions stop(int row) {
    return new StopConditions(
        integer(GenerationSchema.MAX_TOKENS, row, StopConditions.DEFAULT_MAX_TOKENS), stopSequences(row));
  }

  private Optional<String> text(String column, int row) {
    return vector(column, row, VarCharVector.class)
        .map(vector -> new String(vector.get(row), StandardCharsets.UTF_8));
  }

  private double number(String column, int row, double whereNull) {
    return vector(column, row, Float8Vector.class).map(vector -> vector.get(row)).orElse(whereNull);
  }

  private int integer(String column, int row, int whereNull) {
    return vector(column, row, IntVector.class).map(vector -> vector.get(row)).orElse(whereNull);
  }

  private long seed(int row, long whereNull) {
    return vector(GenerationSchema.SEED, row, BigIntVector.class).map(vector -> vector.get(row)).orElse(whereNull);
  }

  private List<String> stopSequences(int row) {
    Optional<ListVector> lists = vector(GenerationSchema.STOP, row, ListVector.class);
    List<String> texts = new ArrayList<>();
    if (lists.isPresent()) {
      VarCharVector elements = (VarCharVector) lists.get().getDataVector();
      for (int i = lists.get().getElementStartIndex(row); i < lists.get().getElementEndIndex(row); i++) {
        if (!elements.isNull(i)) {
          texts.add(new String(elements.get(i), StandardCharsets.UTF_8));
        }
      }
    }
    return texts;
  }

  /** A column, where it is there and has a value in this row. */
  private <V extends FieldVector> Optional<V> vector(String column, int row, Class<V> type) {
    FieldVector vector = rows.getVector(column);
    return vector == null || vector.isNull(row) ? Optional.empty() : Optional.of(type.cast(vector));
  }
}
