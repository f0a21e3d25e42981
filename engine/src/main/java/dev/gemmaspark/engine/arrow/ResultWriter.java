package dev.gemmaspark.engine.arrow;

import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.GenerationFailure;
import dev.gemmaspark.engine.generation.GenerationResult;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/** Writes results into the columns of {@link GenerationSchema#RESULTS}. */
final class ResultWriter {
  private final VectorSchemaRoot rows;

  private ResultWriter(VectorSchemaRoot rows) {
    this.rows = rows;
  }

  static VectorSchemaRoot write(List<Optional<GenerationResult>> results, BufferAllocator allocator) {
    VectorSchemaRoot rows = VectorSchemaRoot.create(GenerationSchema.RESULTS, allocator);
    try {
      rows.allocateNew();
      ResultWriter writer = new ResultWriter(rows);
      for (int row = 0; row < results.size(); row++) {
        if (results.get(row).isPresent()) {
          writer.write(row, results.get(row).get());
        }
      }
      rows.setRowCount(results.size());
      return rows;
    } catch (Throwable e) {
      rows.close();
      throw e;
    }
  }

  private void write(int row, GenerationResult result) {
    switch (result) {
      case Completion completion -> {
        text(GenerationSchema.TEXT, row, completion.text());
        text(GenerationSchema.FINISH_REASON, row, completion.finishReason().label());
        integer(GenerationSchema.PROMPT_TOKENS, row, completion.usage().promptTokens());
        integer(GenerationSchema.COMPLETION_TOKENS, row, completion.usage().completionTokens());
      }
      case GenerationFailure failure -> text(
          GenerationSchema.ERROR, row, failure.code() + ": " + failure.message());
    }
  }

  private void text(String column, int row, String value) {
    ((VarCharVector) rows.getVector(column)).setSafe(row, value.getBytes(StandardCharsets.UTF_8));
  }

  private void integer(String column, int row, int value) {
    ((IntVector) rows.getVector(column)).setSafe(row, value);
  }
}
