package dev.gemmaspark.spark.conf;

import dev.gemmaspark.engine.error.InvalidSettingException;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.apache.spark.internal.config.ConfigBindingPolicy$;
import org.apache.spark.internal.config.ConfigBuilder;
import org.apache.spark.internal.config.ConfigEntry;
import org.apache.spark.internal.config.TypedConfigBuilder;
import org.apache.spark.sql.internal.SQLConf$;
import scala.runtime.AbstractFunction1;

/**
 * One configuration key.
 *
 * @param name as users write it
 * @param scope what follows from its value
 * @param standard what stands for it where nobody sets it
 * @param meaning in one sentence
 * @param allowed what is allowed, in words
 * @param parser gives the value of a text, or throws an {@link IllegalArgumentException}
 */
public record ConfigKey<T>(
    String name, Scope scope, Standard standard, String meaning, String allowed, Function<String, T> parser) {

  /** What follows from a key's value. */
  public enum Scope {
    /** What the model says: another value is another model. */
    TEXT,
    /** How an engine runs, and never what it says. */
    ENGINE,
    /** The type of a call's result, which a view keeps as it was made. */
    RESULT,
    /** How a query or an application goes about its rows. */
    QUERY
  }

  /**
   * What stands for a key that nobody sets.
   *
   * @param text as the documentation has it
   * @param value as if it had been set, if there is such a text
   */
  public record Standard(String text, Optional<String> value) {
    static Standard value(String text) {
      return new Standard(text, Optional.of(text));
    }

    static Standard inWords(String text) {
      return new Standard(text, Optional.empty());
    }
  }

  /** What stands for it where nobody sets it, in words or as a value. */
  public String defaultText() {
    return standard.text();
  }

  /** The value that is set, or else the default's, if any. */
  Optional<T> read(Map<String, String> settings) {
    String text = settings.get(name);
    if (text == null || text.isBlank()) {
      return standard.value().map(parser);
    }
    try {
      return Optional.of(parser.apply(text.strip()));
    } catch (IllegalArgumentException e) {
      throw new InvalidSettingException(String.format(Locale.ROOT, "%s is '%s'; it must be %s", name, text, allowed));
    }
  }

  /** The value that is set, in the same words for all texts that say the same, such as {@code 2g} and {@code 2048m}. */
  String normalized(Map<String, String> settings) {
    return switch (read(settings).orElseThrow()) {
      case Long bytes -> (bytes >> 20) + "m";
      case Enum<?> constant -> constant.name().toLowerCase(Locale.ROOT);
      case Object value -> value.toString();
    };
  }

  /** Whether it makes a difference that it is set. */
  boolean differs(Map<String, String> settings) {
    return settings.containsKey(name) && !read(settings).equals(read(Map.of()));
  }

  /**
   * Makes it known to Spark, which then checks what is set, shows it to {@code SET -v}, and has views and SQL functions remember it. A second
   * time, and from another class loader, it changes nothing.
   */
  void register() {
    synchronized (SQLConf$.MODULE$) {
      if (SQLConf$.MODULE$.containsConfigKey(name) || ConfigEntry.findEntry(name) != null) {
        return;
      }
      ConfigBuilder entry =
          SQLConf$.MODULE$
              .buildConf(name)
              .doc(meaning)
              .version("0.1.0")
              .withBindingPolicy(
                  scope == Scope.RESULT ? ConfigBindingPolicy$.MODULE$.PERSISTED() : ConfigBindingPolicy$.MODULE$.SESSION());
      TypedConfigBuilder<String> checked = entry.stringConf().checkValue(new Allowed(this), "It must be " + allowed + ".");
      standard.value().ifPresentOrElse(checked::createWithDefaultString, checked::createOptional);
    }
  }

  private boolean allows(String text) {
    try {
      read(Map.of(name, text));
      return true;
    } catch (InvalidSettingException e) {
      return false;
    }
  }

  private static final class Allowed extends AbstractFunction1<String, Object> {
    private final ConfigKey<?> key;

    Allowed(ConfigKey<?> key) {
      this.key = key;
    }

    @Override
    public Object apply(String text) {
      return key.allows(text);
    }
  }
}
