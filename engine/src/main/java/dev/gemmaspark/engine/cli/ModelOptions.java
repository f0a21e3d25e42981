package dev.gemmaspark.engine.cli;

import dev.gemmaspark.engine.EngineOptions;
import dev.gemmaspark.engine.KvCacheType;
import dev.gemmaspark.engine.ModelSource;
import dev.gemmaspark.engine.chat.ChatTemplate;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which model, and what it may use of the machine. */
final class ModelOptions {
  @Option(
      names = "--model",
      paramLabel = "M",
      defaultValue = ModelSource.DEMO,
      description =
          "A GGUF file, a Hugging Face directory, or '${DEFAULT-VALUE}' for the small model that comes along (default: ${DEFAULT-VALUE}).")
  private String model;

  @Mixin private ChangeOptions changes = new ChangeOptions();

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Worker threads (default: the machine's processors).")
  private Integer threads;

  @Option(
      names = "--context-length",
      paramLabel = "N",
      description = "Tokens of prompt and completion together (default: the model's, at most 8192).")
  private Integer contextLength;

  @Option(
      names = "--kv-type",
      paramLabel = "T",
      description = "How keys and values are kept: f16, bf16 or f32 (default: f16; f32 for logits).")
  private KvCacheType kvType;

  @Option(
      names = "--chat-template",
      paramLabel = "T",
      description = "How chats become prompts: gemma, or gemma_with_system_turn (default: as the model's own template says, else gemma).")
  private ChatTemplate chatTemplate;

  EngineOptions engineOptions(Terminal terminal) {
    return engineOptions(terminal, KvCacheType.F16);
  }

  EngineOptions engineOptions(Terminal terminal, KvCacheType defaultKvType) {
    ModelSource source = changes.apply(model);
    EngineOptions options =
        EngineOptions.forModel(chatTemplate == null ? source : source.withChatTemplate(chatTemplate)).withProgress(terminal).withKvCacheType(kvType == null ? defaultKvType : kvType);
    if (threads != null) {
      options = options.withThreads(threads);
    }
    if (contextLength != null) {
      options = options.withContextLength(contextLength);
    }
    return options;
  }
}
