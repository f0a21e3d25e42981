package dev.gemmaspark.spark.sql;

import dev.gemmaspark.engine.error.InvalidSettingException;
import java.util.Locale;

/** Catalyst's internals change with every minor version of Spark: another one than ours fails in strange ways, so it is refused. */
final class SparkVersion {
  private static final String OURS = "4.2";

  private SparkVersion() {}

  static void require() {
    require(org.apache.spark.package$.MODULE$.SPARK_VERSION());
  }

  static void require(String version) {
    if (!version.equals(OURS) && !version.startsWith(OURS + ".")) {
      throw new InvalidSettingException(
          String.format(Locale.ROOT, "This is Spark %s; this jar of gemma-spark works with Spark %s.x: take the one that was built for your Spark",
              version, OURS));
    }
  }
}
