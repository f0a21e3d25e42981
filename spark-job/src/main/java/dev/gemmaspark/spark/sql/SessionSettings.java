package dev.gemmaspark.spark.sql;

import dev.gemmaspark.spark.conf.GemmaConf;
import java.util.Map;
import org.apache.spark.sql.internal.SQLConf;
import scala.jdk.javaapi.CollectionConverters;

/** The settings of the session whose query is being analyzed, or of the view in it. */
final class SessionSettings {
  private SessionSettings() {}

  static GemmaConf current() {
    Map<String, String> all = CollectionConverters.asJava(SQLConf.get().getAllConfs());
    return AnalysisErrors.ofSetting(() -> GemmaConf.of(all));
  }
}
