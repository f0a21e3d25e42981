package dev.gemmaspark.spark;

import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.execution.GemmaFunction;
import dev.gemmaspark.spark.sql.GemmaRules;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.SparkSessionExtensionsProvider;
import scala.runtime.BoxedUnit;

/**
 * What this project adds to a Spark session: settings, functions, rules, a strategy. The jar's service file is enough for Spark to find it;
 * {@code spark.sql.extensions} may name it too.
 */
public final class GemmaSparkExtensions implements SparkSessionExtensionsProvider {
  @Override
  public BoxedUnit apply(SparkSessionExtensions extensions) {
    GemmaConf.register();
    for (GemmaFunction function : GemmaFunction.values()) {
      extensions.injectFunction(GemmaRules.function(function));
    }
    extensions.injectFunction(GemmaRules.countTokens());
    extensions.injectPreCBORule(session -> GemmaRules.extraction());
    extensions.injectQueryStagePrepRule(session -> GemmaRules.shuffles());
    extensions.injectColumnar(session -> GemmaRules.shufflesOfFixedPlans());
    extensions.injectPlannerStrategy(session -> GemmaRules.strategy());
    return BoxedUnit.UNIT;
  }
}
