package dev.gemmaspark.spark.execution;

import dev.gemmaspark.engine.arrow.ArrowGenerator;
import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.spark.execution.GemmaMetrics.Metric;
import dev.gemmaspark.spark.executor.EngineSettings;
import dev.gemmaspark.spark.executor.ExecutorEngine;
import dev.gemmaspark.spark.executor.ModelFailedException;
import dev.gemmaspark.spark.executor.RowFailedException;
import dev.gemmaspark.spark.executor.SuspectRows;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskKilledException;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.util.ArrowUtils;
import org.apache.spark.util.TaskCompletionListener;
import scala.collection.AbstractIterator;
import scala.collection.Iterator;

/**
 * The rows of one task with their results, in the order of the input. Two batches are on their way, so that the engine has the next one
 * while this task deals with the results of the last. An input without rows opens no engine. Belongs to the task's thread.
 */
final class GemmaRows extends AbstractIterator<InternalRow> {
  private static final int BATCHES_UNDER_WAY = 2;

  /** Of a batch's rows: long texts make short batches. */
  private static final long MOST_BYTES = 16 << 20;

  private final EvalGemmaEvaluatorFactory plan;
  private final Iterator<InternalRow> input;
  private final UnsafeProjection arguments;
  private final UnsafeProjection output;
  private final TaskContext task = TaskContext.get();
  private final SuspectRows.Attempt attempt = CarefulRows.attempt(task);
  private final CarefulRows careful = CarefulRows.of(attempt);
  private final RowNames names;
  private final List<ExecutorEngine.Lease> leases = new ArrayList<>();
  private final Map<EngineSettings, ArrowGenerator> engines = new HashMap<>();
  private final Deque<RowBatch> underWay = new ArrayDeque<>();
  private java.util.Iterator<InternalRow> ready = List.<InternalRow>of().iterator();
  private long taken;
  private BufferAllocator allocator;

  GemmaRows(EvalGemmaEvaluatorFactory plan, Iterator<InternalRow> input) {
    this.plan = plan;
    this.input = input;
    this.arguments = UnsafeProjection.create(plan.arguments(), plan.input());
    arguments.initialize(task.partitionId());
    this.output = UnsafeProjection.create(plan.output());
    this.names = new RowNames(plan.input(), task);
  }

  @Override
  public boolean hasNext() {
    while (!ready.hasNext()) {
      while (underWay.size() < (careful == null ? BATCHES_UNDER_WAY : 1) && input.hasNext()) {
        underWay.add(submit());
      }
      if (underWay.isEmpty()) {
        return false;
      }
      ready = await(underWay.remove()).iterator();
    }
    return true;
  }

  /** A row that cannot be done ends the query at once: the driver knows it before Spark can begin another attempt. */
  private List<InternalRow> await(RowBatch batch) {
    try {
      List<InternalRow> done = batch.await(this::stopIfKilled);
      if (careful != null) {
        careful.end();
      }
      return done;
    } catch (RowFailedException e) {
      SuspectRows.failed(attempt, e.getMessage());
      throw e;
    }
  }

  @Override
  public InternalRow next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    plan.metrics().add(Metric.OUTPUT_ROWS, 1);
    plan.metrics().add(Metric.ROWS_DONE, 1);
    return output.apply(ready.next());
  }

  private RowBatch submit() {
    if (allocator == null) {
      open();
    }
    List<InternalRow> rows = new ArrayList<>();
    long firstRow = taken;
    List<RequestColumns> requests = new ArrayList<>();
    try {
      for (CallSpec call : plan.calls()) {
        requests.add(new RequestColumns(call, allocator));
      }
      long bytes = 0;
      int batchRows = careful == null ? plan.batchRows() : 1;
      while (rows.size() < batchRows && most(requests) < batchRows && bytes < MOST_BYTES && input.hasNext()) {
        // upstream operators write their next row over this one
        InternalRow row = input.next().copy();
        rows.add(row);
        taken++;
        bytes += row instanceof UnsafeRow unsafe ? unsafe.getSizeInBytes() : 0;
        Optional<String> suspicion = careful == null ? Optional.empty() : careful.begin(row, names.of(taken - 1, row), this::stopIfKilled);
        if (suspicion.isPresent()) {
          requests.forEach(columns -> columns.addError(suspicion.get()));
        } else {
          InternalRow values = arguments.apply(row);
          requests.forEach(columns -> columns.add(values));
        }
      }
      return new RowBatch(plan, rows, (index, row) -> names.of(firstRow + index, row), requests, plan.calls().stream().map(call -> engines.get(call.engine())).toList());
    } finally {
      requests.forEach(RequestColumns::close);
    }
  }

  /** Of a call over arrays' elements, a row may have many. */
  private static int most(List<RequestColumns> requests) {
    return requests.stream().mapToInt(RequestColumns::size).max().orElse(0);
  }

  private void open() {
    allocator =
        ArrowUtils.rootAllocator().newChildAllocator("gemma task " + task.taskAttemptId(), 0, Long.MAX_VALUE);
    task.addTaskCompletionListener((TaskCompletionListener) context -> close());
    for (CallSpec call : plan.calls()) {
      engines.computeIfAbsent(call.engine(), this::open);
    }
  }

  private ArrowGenerator open(EngineSettings settings) {
    ExecutorEngine.Lease lease;
    try {
      lease = ExecutorEngine.get(settings);
    } catch (GemmaException e) {
      throw new ModelFailedException(e);
    }
    leases.add(lease);
    plan.metrics().add(Metric.LOAD_TIME, lease.loadNanos());
    return new ArrowGenerator(lease.generator(), allocator);
  }

  private void stopIfKilled() {
    if (task.isInterrupted()) {
      throw new TaskKilledException(task.getKillReason().getOrElse(() -> "killed"));
    }
  }

  /** After the task's end, whichever: requests on their way are given up, and no Arrow memory stays. */
  private void close() {
    if (careful != null) {
      careful.close();
    }
    engines.values().forEach(ArrowGenerator::close);
    leases.forEach(ExecutorEngine.Lease::close);
    allocator.close();
  }
}
