package dev.gemmaspark.spark.execution;

import dev.gemmaspark.engine.arrow.ArrowGenerator;
import dev.gemmaspark.spark.execution.GemmaMetrics.Metric;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.spark.TaskKilledException;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.expressions.JoinedRow;

/** Some input rows whose calls are on their way. */
final class RowBatch {
  private final EvalGemmaEvaluatorFactory plan;
  private final List<InternalRow> rows;
  private final BiFunction<Integer, InternalRow, String> names;
  private final List<Map<Integer, String>> errors = new ArrayList<>();
  private final List<List<Elements>> shapes = new ArrayList<>();
  private final List<ArrowGenerator.Batch> batches = new ArrayList<>();
  private final long submitted = System.nanoTime();

  /**
   * Hands the rows' requests in; the columns may be closed afterwards.
   *
   * @param names what users know rows by, by their place in this batch
   * @param requests one for each call
   * @param generators one for each call
   */
  RowBatch(
      EvalGemmaEvaluatorFactory plan,
      List<InternalRow> rows,
      BiFunction<Integer, InternalRow, String> names,
      List<RequestColumns> requests,
      List<ArrowGenerator> generators) {
    this.plan = plan;
    this.rows = rows;
    this.names = names;
    for (int call = 0; call < requests.size(); call++) {
      RequestColumns columns = requests.get(call);
      errors.add(columns.errors());
      shapes.add(columns.shapes());
      ArrowGenerator.Batch batch = generators.get(call).submit(columns.root());
      batches.add(batch);
      plan.metrics().add(Metric.MODEL_CALLS, batch.requests());
    }
  }

  /**
   * Waits for all results.
   *
   * @param whileWaiting as in {@link ArrowGenerator.Batch#await}
   * @return the input rows, each with its results behind it
   * @throws dev.gemmaspark.spark.executor.RowFailedException if one could not be done and its call asks to fail then
   */
  List<InternalRow> await(Runnable whileWaiting) {
    Object[][] results = new Object[rows.size()][batches.size()];
    long start = System.nanoTime();
    for (int call = 0; call < batches.size(); call++) {
      try (VectorSchemaRoot columns = batches.get(call).await(whileWaiting)) {
        ResultColumns values = new ResultColumns(plan.calls().get(call), columns, errors.get(call));
        for (int row = 0; row < results.length; row++) {
          int number = row;
          results[row][call] =
              values.next(shapes.get(call).get(row), plan.metrics(), () -> names.apply(number, rows.get(number)));
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new TaskKilledException("interrupted");
      }
    }
    long end = System.nanoTime();
    plan.metrics().add(Metric.WAIT_TIME, end - start);
    plan.metrics().add(Metric.ENGINE_TIME, end - submitted);
    List<InternalRow> joined = new ArrayList<>();
    for (int row = 0; row < results.length; row++) {
      joined.add(new JoinedRow(rows.get(row), new GenericInternalRow(results[row])));
    }
    return joined;
  }
}
