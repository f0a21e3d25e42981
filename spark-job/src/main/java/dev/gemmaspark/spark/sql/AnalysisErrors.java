package dev.gemmaspark.spark.sql;

import dev.gemmaspark.engine.error.GemmaException;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.spark.sql.AnalysisException;
import scala.Option;
import scala.collection.immutable.Map$;

/** What is wrong with a call or a setting, as Spark says what is wrong with a query: with a condition, and where in the query it is. */
final class AnalysisErrors {
  private static final String CALL = "GEMMA_INVALID_CALL";
  private static final String SETTING = "GEMMA_INVALID_SETTING";

  /** Of the standard: invalid parameter value. */
  private static final String SQL_STATE = "22023";

  private AnalysisErrors() {}

  /** What a call gives, or else what is wrong with it. */
  static <T> T ofCall(Supplier<T> call) {
    return translated(CALL, call);
  }

  /** What follows from the settings, or else what is wrong with them. */
  static <T> T ofSetting(Supplier<T> reading) {
    return translated(SETTING, reading);
  }

  private static <T> T translated(String condition, Supplier<T> work) {
    try {
      return work.get();
    } catch (GemmaException e) {
      throw AnalysisErrors.<RuntimeException>unchecked(
          new AnalysisException(
              condition,
              SQL_STATE,
              "<problem>",
              Map$.MODULE$.from(scala.jdk.javaapi.CollectionConverters.asScala(Map.of("problem", e.getMessage()))),
              Option.empty(),
              Option.apply(e.getMessage())));
    }
  }

  /** Scala's functions declare no exceptions; the compiler takes this for one that need not be declared. */
  @SuppressWarnings("unchecked")
  private static <E extends Exception> E unchecked(Exception e) throws E {
    throw (E) e;
  }
}
