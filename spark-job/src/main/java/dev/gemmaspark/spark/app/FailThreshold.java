package dev.gemmaspark.spark.app;

import java.util.Locale;

/**
 * How many of what is to be done may fail.
 *
 * @param share from 0 to 1
 */
record FailThreshold(double share) {
  static final String OPTION = "--fail-threshold";

  /** @throws UsageException for another share */
  FailThreshold {
    if (!(share >= 0 && share <= 1)) {
      throw new UsageException(OPTION + " is " + share + "; it must be between 0 and 1");
    }
  }

  boolean isExceeded(long failed, long all) {
    return failed > share * all;
  }

  /**
   * That too many failed, for a message.
   *
   * @param whatFailed such as "rows failed"
   */
  String sentence(long failed, long all, String whatFailed) {
    return String.format(Locale.ROOT, "%d of %d %s, more than %s %s", failed, all, whatFailed, OPTION, share);
  }
}
