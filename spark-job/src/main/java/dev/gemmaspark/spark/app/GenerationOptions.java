package dev.gemmaspark.spark.app;

import dev.gemmaspark.engine.generation.SamplingParameters;
import dev.gemmaspark.engine.generation.StopConditions;
import dev.gemmaspark.spark.conf.ConfigKey;
import dev.gemmaspark.spark.conf.GemmaConf;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Option;

/** Which model, and how it samples; but for {@code --top-k}, which is of passages where there are such. */
class GenerationOptions {
  static final String MODELS =
      "A GGUF file or a Hugging Face directory (safetensors), at the same path on every node or at a URI (of HDFS, S3 and the like);"
          + " the name of one sent with --files or --archives; or 'demo'";

  @Option(
      names = "--model",
      paramLabel = "M",
      description = MODELS + " (default: spark.gemma.model, else demo).")
  private String model;

  @Option(
      names = "--quantization",
      paramLabel = "T",
      description = "Bring the weights to this type while loading: Q8_0, Q4_0, Q4_K, Q6_K, Q4_K_M, ... (default: as they are).")
  private String quantization;

  @Option(names = "--lora", paramLabel = "DIR", description = "Merge this LoRA adapter (a PEFT directory, named like the model) while loading.")
  private String lora;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      defaultValue = "" + StopConditions.DEFAULT_MAX_TOKENS,
      description = "Most tokens of a row's text (default: ${DEFAULT-VALUE}).")
  private int maxTokens;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      defaultValue = "0",
      description = "0 always takes the most likely token (default: ${DEFAULT-VALUE}).")
  private double temperature;

  @Option(names = "--top-p", paramLabel = "P", description = "Draw from the fewest tokens whose probabilities add up to P.")
  private Double topP;

  @Option(names = "--min-p", paramLabel = "P", description = "Leave out tokens less likely than P times the most likely one.")
  private Double minP;

  @Option(names = "--repetition-penalty", paramLabel = "R", description = "Above 1: tokens that have appeared become less likely.")
  private Double repetitionPenalty;

  @Option(names = "--stop", paramLabel = "TEXT", description = "A text that ends a row's text, and is not part of it; may be repeated.")
  private List<String> stop = new ArrayList<>();

  @Option(names = "--seed", paramLabel = "S", defaultValue = "0", description = "Of the random draws (default: ${DEFAULT-VALUE}).")
  private long seed;

  /** Fails for values out of range. */
  void check() {
    if (model != null && model.isBlank()) {
      throw new UsageException("--model is empty; name a model, or leave the option out");
    }
    StopConditions.maxTokens(maxTokens);
    SamplingParameters sampling = SamplingParameters.greedy().withTemperature(temperature);
    if (topP != null) {
      sampling = sampling.withTopP(topP);
    }
    if (minP != null) {
      sampling = sampling.withMinP(minP);
    }
    if (repetitionPenalty != null) {
      sampling.withRepetitionPenalty(repetitionPenalty);
    }
  }

  void apply(SparkSession spark) {
    set(spark, GemmaConf.MODEL, model);
    set(spark, GemmaConf.QUANTIZATION, quantization);
    set(spark, GemmaConf.LORA, lora);
  }

  private static void set(SparkSession spark, ConfigKey<String> key, String value) {
    if (value != null) {
      spark.conf().set(key.name(), value);
    }
  }

  /** As named arguments of a SQL function. */
  Map<String, Object> arguments() {
    Map<String, Object> arguments = new LinkedHashMap<>();
    arguments.put("maxTokens", maxTokens);
    arguments.put("temperature", temperature);
    put(arguments, "topP", topP);
    put(arguments, "minP", minP);
    put(arguments, "repetitionPenalty", repetitionPenalty);
    arguments.put("seed", seed);
    if (!stop.isEmpty()) {
      arguments.put("stop", stop.toArray(String[]::new));
    }
    return arguments;
  }

  static void put(Map<String, Object> arguments, String name, Object value) {
    if (value != null) {
      arguments.put(name, value);
    }
  }
}
