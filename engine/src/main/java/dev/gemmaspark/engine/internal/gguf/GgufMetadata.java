package dev.gemmaspark.engine.internal.gguf;

import dev.gemmaspark.engine.error.ModelFormatException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The keys and values of a GGUF file. Accessors check the type; numbers may have any width that holds them. Immutable. */
public final class GgufMetadata {
  private final Path file;
  private final Map<String, Object> values;

  GgufMetadata(Path file, Map<String, Object> values) {
    this.file = file;
    this.values = values;
  }

  /** The names of all keys. */
  public Set<String> keys() {
    return values.keySet();
  }

  /** A value as text, for messages; an array by its type and length. */
  public String text(String key) {
    Object value = values.get(key);
    return value instanceof GgufArray array ? array.count() == 0 ? "" : String.format(Locale.ROOT, "an array of %d %s",
        array.count(), array.type()) : value.toString();
  }

  /** A text that must be there. */
  public String string(String key) {
    return optionalString(key).orElseThrow(() -> missing(key));
  }

  public Optional<String> optionalString(String key) {
    return value(key, String.class, "a string");
  }

  /** A whole number that must be there. */
  public int integer(String key) {
    return optionalInteger(key).orElseThrow(() -> missing(key));
  }

  public Optional<Integer> optionalInteger(String key) {
    return value(key, Long.class, "a whole number")
        .map(
            number -> {
              if (number < Integer.MIN_VALUE || number > Integer.MAX_VALUE) {
                throw broken(String.format(Locale.ROOT, "%s is %d, which is out of range", key, number));
              }
              return number.intValue();
            });
  }

  /** A number that may be whole. */
  public Optional<Float> optionalFloat(String key) {
    return value(key, Number.class, "a number").map(Number::floatValue);
  }

  public Optional<Boolean> optionalBoolean(String key) {
    return value(key, Boolean.class, "true or false");
  }

  /** An array of texts that must be there. */
  public String[] strings(String key) {
    return array(key).strings();
  }

  /** An array of single-precision numbers that must be there. */
  public float[] floats(String key) {
    return array(key).floats();
  }

  /** An array of 32-bit numbers that must be there. */
  public int[] integers(String key) {
    return array(key).ints();
  }

  /** Whether a key is there and its value an array. */
  public boolean isArray(String key) {
    return values.get(key) instanceof GgufArray;
  }

  /** Elements of an array that must be there. */
  public int length(String key) {
    return array(key).count();
  }

  /** An array of truth values that must be there. */
  public boolean[] booleans(String key) {
    return array(key).booleans();
  }

  private GgufArray array(String key) {
    return value(key, GgufArray.class, "an array").orElseThrow(() -> missing(key));
  }

  private <T> Optional<T> value(String key, Class<T> type, String expected) {
    Object value = values.get(key);
    if (value != null && !type.isInstance(value)) {
      String found = value instanceof GgufArray ? "an array" : value.getClass().getSimpleName() + " " + shown(value);
      throw broken(String.format(Locale.ROOT, "the value of %s is %s; %s expected", key, found, expected));
    }
    return Optional.ofNullable(type.cast(value));
  }

  private static String shown(Object value) {
    String text = value.toString();
    return text.length() > 40 ? text.substring(0, 40) + "…" : text;
  }

  private ModelFormatException missing(String key) {
    return broken("the key " + key + " is missing; is this a file of Gemma, written by a current converter?");
  }

  private ModelFormatException broken(String problem) {
    return new ModelFormatException(file, ModelFormatException.NO_OFFSET, problem);
  }
}
