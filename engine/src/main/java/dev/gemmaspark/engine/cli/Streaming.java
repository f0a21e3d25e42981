package dev.gemmaspark.engine.cli;

import dev.gemmaspark.engine.GemmaEngine;
import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.generation.Completion;
import dev.gemmaspark.engine.generation.GenerationFailure;
import dev.gemmaspark.engine.generation.GenerationRequest;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.ExecutionException;

/** Prints a completion while it is made, and takes the time. */
final class Streaming {
  private final PrintWriter out;
  private final long start = System.nanoTime();
  private volatile long first;

  private Streaming(PrintWriter out) {
    this.out = out;
  }

  /**
   * What was made, and how fast.
   *
   * @param completion the whole of it
   * @param firstTokenSeconds from submission to the first text
   * @param seconds from submission to the end
   */
  record Timed(Completion completion, double firstTokenSeconds, double seconds) {
    String summary() {
      int prompt = completion.usage().promptTokens();
      int made = completion.usage().completionTokens();
      double decoding = Math.max(seconds - firstTokenSeconds, 1e-9);
      return String.format(Locale.ROOT, "%d prompt tokens in %.2f s (%.1f tokens/s); %d tokens in %.2f s (%.1f tokens/s); finished by %s", prompt,
              firstTokenSeconds,
              prompt / Math.max(firstTokenSeconds, 1e-9),
              made,
              seconds,
              Math.max(0, made - 1) / decoding,
              completion.finishReason().label());
    }
  }

  static Timed run(GemmaEngine engine, GenerationRequest request, PrintWriter out)
      throws ExecutionException, InterruptedException {
    Streaming streaming = new Streaming(out);
    return switch (engine.submit(request, streaming::text).get()) {
      case Completion completion -> streaming.timed(completion);
      case GenerationFailure failure -> throw new GemmaException(failure.message());
    };
  }

  private boolean text(String piece) {
    if (first == 0) {
      first = System.nanoTime();
    }
    out.print(piece);
    out.flush();
    return !out.checkError();
  }

  private Timed timed(Completion completion) {
    long end = System.nanoTime();
    out.println();
    out.flush();
    return new Timed(completion, ((first == 0 ? end : first) - start) / 1e9, (end - start) / 1e9);
  }
}
