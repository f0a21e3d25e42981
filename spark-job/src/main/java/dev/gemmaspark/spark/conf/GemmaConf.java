package dev.gemmaspark.spark.conf;

import dev.gemmaspark.engine.KvCacheType;
import dev.gemmaspark.engine.chat.ChatTemplate;
import dev.gemmaspark.engine.error.InvalidSettingException;
import dev.gemmaspark.spark.conf.ConfigKey.Scope;
import dev.gemmaspark.spark.conf.ConfigKey.Standard;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.spark.SparkConf;
import org.apache.spark.unsafe.types.UTF8String;
import scala.Tuple2;

/**
 * The settings of a session, typed. What is set on the session goes before the application's {@code --conf}, and that before
 * spark-defaults. Immutable.
 */
public final class GemmaConf implements Serializable {
  private static final long serialVersionUID = 1L;
  private static final String PREFIX = "spark.gemma.";
  private static final long MEBIBYTE = 1L << 20;

  /** Letters in which a key may differ from the one that was meant. */
  private static final int MOST_MISTAKES = 2;

  public static final ConfigKey<String> MODEL =
      new ConfigKey<>(
          PREFIX + "model",
          Scope.TEXT,
          Standard.value("demo"),
          "The model: `demo`; a GGUF file or a Hugging Face directory, at the same path on every node or under a Hadoop URI (`hdfs:`, `s3a:`, …);"
              + " or the name of a file sent with `--files`.",
          "a model",
          text -> text);
  public static final ConfigKey<String> MODEL_SHA256 =
      new ConfigKey<>(
          PREFIX + "model.sha256",
          Scope.TEXT,
          Standard.inWords("none"),
          "The checksum that the model must have, as `gemma inspect` prints it.",
          "64 hexadecimal digits",
          GemmaConf::sha256);
  public static final ConfigKey<Path> CACHE_DIRECTORY =
      new ConfigKey<>(
          PREFIX + "model.cacheDir",
          Scope.ENGINE,
          Standard.inWords("`gemma-spark` in the user's cache folder"),
          "Where each node keeps packed weights, and copies of models from Hadoop URIs.",
          "a folder",
          Path::of);
  public static final ConfigKey<String> QUANTIZATION =
      new ConfigKey<>(
          PREFIX + "quantization",
          Scope.TEXT,
          Standard.inWords("as the file"),
          "The type that weights are brought to while loading: `Q8_0`, `Q4_0`, `Q4_K`, `Q6_K`, `Q4_K_M`, ….",
          "a weight type",
          text -> text);
  public static final ConfigKey<String> LORA =
      new ConfigKey<>(
          PREFIX + "lora",
          Scope.TEXT,
          Standard.inWords("none"),
          "A LoRA adapter (a PEFT directory) to merge while loading; named like the model.",
          "a directory",
          text -> text);
  public static final ConfigKey<ChatTemplate> CHAT_TEMPLATE =
      new ConfigKey<>(
          PREFIX + "chatTemplate",
          Scope.TEXT,
          Standard.inWords("the file's, else Gemma's"),
          "How chats become prompts: `gemma`, or `gemma_with_system_turn` for models that were taught one. To be named where the file's is of another form.",
          "gemma or gemma_with_system_turn",
          GemmaConf::chatTemplate);
  public static final ConfigKey<Integer> CONTEXT_LENGTH =
      new ConfigKey<>(
          PREFIX + "contextLength",
          Scope.TEXT,
          Standard.inWords("the model's, at most 8192"),
          "Tokens of prompt and completion together.",
          "a whole number of at least 2",
          text -> wholeNumber(text, 2));
  public static final ConfigKey<Integer> THREADS =
      new ConfigKey<>(
          PREFIX + "threads",
          Scope.ENGINE,
          Standard.inWords("`spark.executor.cores`, else N of `local[N]`, else one, and on a standalone master the processors"),
          "Worker threads of an executor's engine.",
          "a whole number of at least 1",
          text -> wholeNumber(text, 1));
  public static final ConfigKey<Integer> MAX_SEQUENCES =
      new ConfigKey<>(
          PREFIX + "maxSequences",
          Scope.ENGINE,
          Standard.value("32"),
          "Rows that run in one batch at the most, of all tasks of an executor.",
          "a whole number of at least 1",
          text -> wholeNumber(text, 1));
  public static final ConfigKey<Long> KV_CACHE_MEMORY =
      new ConfigKey<>(
          PREFIX + "kvCacheMemory",
          Scope.ENGINE,
          Standard.inWords("a quarter of the available memory, or of `spark.executor.memoryOverhead` where that is less"),
          "Memory for keys and values, outside the heap, such as `2g`.",
          "a size such as 512m or 2g",
          GemmaConf::bytes);
  public static final ConfigKey<KvCacheType> KV_CACHE_TYPE =
      new ConfigKey<>(
          PREFIX + "kvCacheType",
          Scope.TEXT,
          Standard.value("f16"),
          "How keys and values are kept: `f16`, `bf16` or, in twice the memory, `f32`.",
          "f16, bf16 or f32",
          GemmaConf::kvCacheType);
  public static final ConfigKey<Integer> BATCH_ROWS =
      new ConfigKey<>(
          PREFIX + "batchRows",
          Scope.QUERY,
          Standard.value("64"),
          "Rows that a task hands to the engine at a time; two batches are under way.",
          "a whole number of at least 1",
          text -> wholeNumber(text, 1));
  public static final ConfigKey<Boolean> FAIL_ON_ERROR =
      new ConfigKey<>(
          PREFIX + "failOnError",
          Scope.RESULT,
          Standard.value("true"),
          "Whether a row that cannot be done fails its query, where a call does not say.",
          "true or false",
          GemmaConf::bool);
  public static final ConfigKey<String> REPARTITION =
      new ConfigKey<>(
          PREFIX + "repartition",
          Scope.QUERY,
          Standard.value("auto"),
          "Partitions of an application's input: `auto` so that all cores work, `off`, or a number.",
          "auto, off, or a whole number of at least 1",
          GemmaConf::repartition);
  public static final ConfigKey<Boolean> PRELOAD =
      new ConfigKey<>(
          PREFIX + "preload",
          Scope.QUERY,
          Standard.value("false"),
          "Whether executors load the model when they start; needs `spark.plugins=dev.gemmaspark.spark.GemmaSparkPlugin`.",
          "true or false",
          GemmaConf::bool);
  public static final ConfigKey<Path> PROMPT_DIRECTORY =
      new ConfigKey<>(
          PREFIX + "promptDir",
          Scope.QUERY,
          Standard.inWords("the templates packed in the jar"),
          "A folder with prompt templates to use in their stead, read where the query is analyzed.",
          "a folder",
          Path::of);

  /** All keys, in the order of the documentation. */
  public static final List<ConfigKey<?>> KEYS =
      List.of(
          MODEL,
          MODEL_SHA256,
          CACHE_DIRECTORY,
          QUANTIZATION,
          LORA,
          CHAT_TEMPLATE,
          CONTEXT_LENGTH,
          THREADS,
          MAX_SEQUENCES,
          KV_CACHE_MEMORY,
          KV_CACHE_TYPE,
          BATCH_ROWS,
          FAIL_ON_ERROR,
          REPARTITION,
          PRELOAD,
          PROMPT_DIRECTORY);

  private final TreeMap<String, String> settings;

  /** Asked for at every row and comparison; made when it is first. */
  private transient GemmaConf text;

  private GemmaConf(TreeMap<String, String> settings) {
    this.settings = settings;
  }

  /**
   * The settings among all of a session's.
   *
   * @throws InvalidSettingException if a {@code spark.gemma} key is unknown or its value not allowed
   */
  public static GemmaConf of(Map<String, String> all) {
    TreeMap<String, String> ours = new TreeMap<>();
    all.forEach(
        (key, value) -> {
          // in whatever letters, since Spark would not know them otherwise than it is told
          if (key.regionMatches(true, 0, PREFIX, 0, PREFIX.length())) {
            ours.put(key, value);
          }
        });
    for (String key : ours.keySet()) {
      if (KEYS.stream().noneMatch(known -> known.name().equals(key))) {
        throw new InvalidSettingException(
            String.format(
                Locale.ROOT,
                "%1$s is no setting%2$s; take it away where it is set, in SQL with RESET %1$s; the settings are %3$s",
                key, near(key).map(near -> " (did you mean " + near + "?)").orElse(""), String.join(", ", KEYS.stream().map(ConfigKey::name).toList())));
      }
    }
    KEYS.forEach(key -> key.read(ours));
    return new GemmaConf(ours);
  }

  /** The key that was meant, it seems. */
  private static Optional<String> near(String key) {
    UTF8String wanted = UTF8String.fromString(key.toLowerCase(Locale.ROOT));
    return KEYS.stream()
        .map(ConfigKey::name)
        .filter(name -> mistakes(name, wanted) <= MOST_MISTAKES)
        .min(Comparator.comparingInt(name -> mistakes(name, wanted)));
  }

  private static int mistakes(String name, UTF8String wanted) {
    return wanted.levenshteinDistance(UTF8String.fromString(name.toLowerCase(Locale.ROOT)));
  }

  /** The settings among an application's, as {@link #of(Map)} takes a session's. */
  public static GemmaConf of(SparkConf application) {
    return of(Arrays.stream(application.getAll()).collect(Collectors.toMap(Tuple2::_1, Tuple2::_2)));
  }

  /**
   * Makes the keys known to Spark's own registry, so that it checks them and shows them to {@code SET -v}, and so that views and SQL functions
   * keep what was set when they were made; what the session that asks has set goes before that, but for the type of results.
   */
  public static void register() {
    KEYS.forEach(ConfigKey::register);
  }

  /** Those of these settings that decide what the model says, without the ones that say what is so anyway. */
  public GemmaConf text() {
    GemmaConf known = text;
    if (known == null) {
      known = only(EnumSet.of(Scope.TEXT));
      text = known;
    }
    return known;
  }

  /** How the model is run, where that decides what it says: every such setting by its name without the prefix, all but the model's name and checksum. */
  public Map<String, String> readings() {
    Map<String, String> readings = new TreeMap<>();
    for (ConfigKey<?> key : KEYS) {
      if (key.scope() == Scope.TEXT && key != MODEL && key != MODEL_SHA256) {
        readings.put(key.name().substring(PREFIX.length()), text().settings.getOrDefault(key.name(), "default"));
      }
    }
    return readings;
  }

  /** Those of these settings that an engine is made of, without the ones that say what is so anyway. */
  public GemmaConf engine() {
    return only(EnumSet.of(Scope.TEXT, Scope.ENGINE));
  }

  private GemmaConf only(Set<Scope> scopes) {
    TreeMap<String, String> kept = new TreeMap<>();
    for (ConfigKey<?> key : KEYS) {
      if (scopes.contains(key.scope()) && key.differs(settings)) {
        kept.put(key.name(), key.normalized(settings));
      }
    }
    return new GemmaConf(kept);
  }

  /** The settings as texts, for {@link #of}. */
  public Map<String, String> settings() {
    return Map.copyOf(settings);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof GemmaConf conf && settings.equals(conf.settings);
  }

  @Override
  public int hashCode() {
    return settings.hashCode();
  }

  public String model() {
    return MODEL.read(settings).orElseThrow();
  }

  public Optional<String> modelSha256() {
    return MODEL_SHA256.read(settings);
  }

  public Optional<String> quantization() {
    return QUANTIZATION.read(settings);
  }

  /** Where the adapter is, as for the model. */
  public Optional<String> lora() {
    return LORA.read(settings);
  }

  public Optional<ChatTemplate> chatTemplate() {
    return CHAT_TEMPLATE.read(settings);
  }

  public Optional<Path> cacheDirectory() {
    return CACHE_DIRECTORY.read(settings);
  }

  public OptionalInt contextLength() {
    return CONTEXT_LENGTH.read(settings).map(OptionalInt::of).orElse(OptionalInt.empty());
  }

  public OptionalInt threads() {
    return THREADS.read(settings).map(OptionalInt::of).orElse(OptionalInt.empty());
  }

  public int maxSequences() {
    return MAX_SEQUENCES.read(settings).orElseThrow();
  }

  public OptionalLong kvCacheBytes() {
    return KV_CACHE_MEMORY.read(settings).map(OptionalLong::of).orElse(OptionalLong.empty());
  }

  public KvCacheType kvCacheType() {
    return KV_CACHE_TYPE.read(settings).orElseThrow();
  }

  public int batchRows() {
    return BATCH_ROWS.read(settings).orElseThrow();
  }

  public boolean failOnError() {
    return FAIL_ON_ERROR.read(settings).orElseThrow();
  }

  /** {@code auto}, {@code off} or a number. */
  public String repartition() {
    return REPARTITION.read(settings).orElseThrow();
  }

  public boolean preload() {
    return PRELOAD.read(settings).orElseThrow();
  }

  public Optional<Path> promptDirectory() {
    return PROMPT_DIRECTORY.read(settings);
  }

  private static int wholeNumber(String text, int least) {
    int number = Integer.parseInt(text);
    if (number < least) {
      throw new IllegalArgumentException(text);
    }
    return number;
  }

  private static String sha256(String text) {
    if (!text.matches("[0-9a-fA-F]{64}")) {
      throw new IllegalArgumentException(text);
    }
    return text;
  }

  private static ChatTemplate chatTemplate(String text) {
    return Arrays.stream(ChatTemplate.values())
        .filter(template -> template.name().equalsIgnoreCase(text))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException(text));
  }

  private static KvCacheType kvCacheType(String text) {
    return Arrays.stream(KvCacheType.values())
        .filter(type -> type.name().equalsIgnoreCase(text))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException(text));
  }

  private static boolean bool(String text) {
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new IllegalArgumentException(text);
    };
  }

  private static String repartition(String text) {
    if (!text.equals("auto") && !text.equals("off")) {
      wholeNumber(text, 1);
    }
    return text;
  }

  private static long bytes(String text) {
    String number = text.substring(0, text.length() - 1);
    long unit =
        switch (Character.toLowerCase(text.charAt(text.length() - 1))) {
          case 'm' -> MEBIBYTE;
          case 'g' -> MEBIBYTE << 10;
          case 't' -> MEBIBYTE << 20;
          default -> throw new IllegalArgumentException(text);
        };
    return Math.multiplyExact((long) wholeNumber(number, 1), unit);
  }
}
