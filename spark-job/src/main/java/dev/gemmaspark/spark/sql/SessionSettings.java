package dev.gemmaspark.spark.sql;

import dev.gemmaspark.spark.conf.GemmaConf;
import java.util.Map;
import org.apache.spark.sql.internal.SQLConf;
import scala.jdk.javaapi.CollectionConverters;

/** The settings of the session whose query is being planned. */
final class SessionSettings {
  private SessionSettings() {}

  static GemmaConf current() {
    Map<String, String> all = CollectionConverters.asJava(SQLConf.get().getAllConfs());
    return GemmaConf.of(all);
  }
}
