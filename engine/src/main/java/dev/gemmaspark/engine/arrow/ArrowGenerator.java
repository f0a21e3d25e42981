package dev.gemmaspark.engine.arrow;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.error.InvalidSettingException;
import dev.gemmaspark.engine.generation.GenerationFailure;
import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.GenerationResult;
import dev.gemmaspark.engine.generation.TextGenerator;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Completes batches of prompts that come and go as Arrow columns. Several batches may be on their way, so that the engine has work
 * while a caller deals with the last results.
 *
 * <p>Only the caller's thread touches Arrow buffers: prompts become requests while they are submitted, and results are written while
 * they are awaited. So a caller that gives up may close its allocator at once. Not thread-safe; whoever made it closes it, and that
 * cancels what is on its way.
 */
public final class ArrowGenerator implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ArrowGenerator.class);
  private static final long POLL_MILLIS = 50;

  private final TextGenerator generator;
  private final BufferAllocator allocator;
  private final List<Batch> underWay = new ArrayList<>();
  private final KnownRequests known = new KnownRequests();

  /**
   * @param generator completes prompts; stays open
   * @param allocator gives the memory of results; stays open
   */
  public ArrowGenerator(TextGenerator generator, BufferAllocator allocator) {
    this.generator = generator;
    this.allocator = allocator;
  }

  /**
   * Hands in the rows of {@link GenerationSchema#REQUESTS}, or of some of its columns. Equal rows are one request: they would have equal
   * results. So are rows equal to recent ones of earlier batches.
   *
   * @param requests may be changed or closed afterwards
   */
  public Batch submit(VectorSchemaRoot requests) {
    RequestReader reader = new RequestReader(requests);
    Batch batch = new Batch();
    underWay.add(batch);
    for (int row = 0; row < requests.getRowCount(); row++) {
      batch.futures.add(submit(reader, row, batch));
    }
    return batch;
  }

  private Optional<CompletableFuture<GenerationResult>> submit(
      RequestReader reader, int row, Batch batch) {
    try {
      return reader.request(row).map(request -> batch.requests.computeIfAbsent(request, any -> known.find(any).orElseGet(() -> submit(any, batch))));
    } catch (InvalidSettingException e) {
      return failure(GenerationFailure.Code.INVALID_REQUEST, e.getMessage());
    } catch (RuntimeException | StackOverflowError | AssertionError e) {
      // a row that the engine trips over must not take its batch along
      LOG.error("The engine failed before a row's prompt was ready", e);
      return failure(
          GenerationFailure.Code.INTERNAL, "the engine failed (" + e.getClass().getSimpleName() + "); its log has the details");
    }
  }

  private CompletableFuture<GenerationResult> submit(GenerationRequest request, Batch batch) {
    CompletableFuture<GenerationResult> future = generator.submit(request);
    batch.submitted++;
    known.add(request, future);
    return future;
  }

  private static Optional<CompletableFuture<GenerationResult>> failure(GenerationFailure.Code code, String message) {
    return Optional.of(CompletableFuture.completedFuture(new GenerationFailure(code, message)));
  }

  /** Cancels all that is on its way. */
  @Override
  public void close() {
    for (Batch batch : underWay) {
      batch.futures.forEach(future -> future.ifPresent(running -> running.cancel(true)));
    }
    underWay.clear();
  }

  /** Rows that were handed in together. */
  public final class Batch {
    private final List<Optional<CompletableFuture<GenerationResult>>> futures = new ArrayList<>();
    private final Map<GenerationRequest, CompletableFuture<GenerationResult>> requests = new HashMap<>();
    private int submitted;

    private Batch() {}

    /** How many requests were made for the rows: no more than there are rows. */
    public int requests() {
      return submitted;
    }

    /**
     * Waits for all results.
     *
     * @param whileWaiting is run again and again, and may throw to give up
     * @return rows of {@link GenerationSchema#RESULTS}, as many as were handed in and in their order; the caller closes it
     * @throws InterruptedException if this thread is interrupted
     * @throws GemmaException if the engine was closed
     */
    public VectorSchemaRoot await(Runnable whileWaiting) throws InterruptedException {
      List<Optional<GenerationResult>> results = new ArrayList<>();
      for (Optional<CompletableFuture<GenerationResult>> future : futures) {
        results.add(future.isEmpty() ? Optional.empty() : Optional.of(get(future.get(), whileWaiting)));
      }
      underWay.remove(this);
      return ResultWriter.write(results, allocator);
    }

    private GenerationResult get(CompletableFuture<GenerationResult> future, Runnable whileWaiting)
        throws InterruptedException {
      while (true) {
        try {
          return future.get(POLL_MILLIS, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
          whileWaiting.run();
        } catch (CancellationException e) {
          throw new InterruptedException("the thread was interrupted while it handed in its prompts");
        } catch (ExecutionException e) {
          if (e.getCause() instanceof OutOfMemoryError error) {
            throw error;
          }
          // not as the cause: hosts such as Spark take some errors in the chain for the end of the process
          GemmaException failure = new GemmaException("The engine ended before the request did: " + e.getCause().getMessage());
          failure.addSuppressed(e);
          throw failure;
        }
      }
    }
  }
}
