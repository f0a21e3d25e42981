package dev.gemmaspark.engine.cli;

import dev.gemmaspark.engine.EngineOptions;
import java.io.PrintWriter;
import java.util.Locale;

/**
 * A line on a person's terminal that says how far something is. Nothing is written where there is no terminal: the launcher script
 * says with the environment variable {@code GEMMA_TERMINAL=true} that there is one, because Java cannot tell of its error stream. Not thread-safe, but
 * for {@link #progress}.
 */
final class Terminal implements EngineOptions.LoadListener {
  private static final String CLEAR_LINE = "\r\u001B[K";

  private final PrintWriter err;
  private final boolean interactive;
  private String shown = "";

  Terminal(PrintWriter err) {
    this.err = err;
    this.interactive = "true".equals(System.getenv("GEMMA_TERMINAL"));
  }

  boolean isInteractive() {
    return interactive;
  }

  @Override
  public synchronized void progress(String phase, double share) {
    show(String.format(Locale.ROOT, "%s %3.0f %%", phase, 100 * share));
  }

  /** Shows how many of some things are done. */
  void count(String phase, long done, long all) {
    show(String.format(Locale.ROOT, "%s %d of %d", phase, done, all));
  }

  /** Takes the line away. */
  synchronized void clear() {
    show("");
  }

  private synchronized void show(String line) {
    if (interactive && !line.equals(shown)) {
      err.print(CLEAR_LINE + line);
      err.flush();
      shown = line;
    }
  }
}
