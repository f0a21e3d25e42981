package dev.gemmaspark.engine.internal.scheduler;

import org.slf4j.Logger;

/**
 * A log of what has failed, whose own failures are nobody's: an error whose message cannot be made, or a log that cannot be written, must not
 * end the thread that reports it. Safe for use by many threads.
 */
record FailureLog(Logger logger) {
  /** An error with its trace, as far as there is a way to write it. */
  void error(String what, Throwable e) {
    try {
      logger.error(what, e);
    } catch (Throwable unprintable) {
      try {
        logger.error("{}; its {} cannot be printed", what, e.getClass().getName());
      } catch (Throwable unwritable) {
        // there is no better place to tell of it
      }
    }
  }

  /** A warning by an error's message alone. */
  void warn(String what, Throwable e) {
    try {
      logger.warn("{}: {}", what, e.getMessage());
    } catch (Throwable unprintable) {
      error(what, e);
    }
  }
}
