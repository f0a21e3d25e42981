package dev.gemmaspark.engine;

import dev.gemmaspark.engine.chat.ChatTemplate;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import dev.gemmaspark.engine.internal.tokenizer.PromptEncoder;
import dev.gemmaspark.engine.internal.tokenizer.Tokenizer;
import dev.gemmaspark.engine.internal.weights.ModelLoader;
import dev.gemmaspark.engine.internal.weights.ModelWeights;
import dev.gemmaspark.engine.internal.weights.PackedModel;
import dev.gemmaspark.engine.internal.weights.PackedModelFile;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A model file, found, checked and read; its weights are packed when somebody asks for them.
 *
 * @param identity its name and checksum
 * @param file where it is
 * @param weights as the file has them
 * @param tokenizer of its vocabulary
 * @param prompts its chat template and tokenizer
 * @param cacheDirectory where packed weights are kept
 */
record LoadedModel(
    ModelIdentity identity,
    Path file,
    ModelWeights weights,
    Tokenizer tokenizer,
    PromptEncoder prompts,
    Path cacheDirectory) {
  private static final Logger LOG = LoggerFactory.getLogger(LoadedModel.class);

  /** Positions of a context where neither the caller nor the model asks for fewer. */
  static final int LONGEST_CONTEXT = 8192;

  static LoadedModel load(EngineOptions options) {
    if (options.model().equals(EngineOptions.DEMO_MODEL)) {
      LOG.warn(DemoModel.NOTICE);
    }
    Path file = ModelIdentity.file(options);
    ModelWeights weights = ModelLoader.load(file);
    Tokenizer tokenizer = new Tokenizer(weights.vocabulary());
    return new LoadedModel(
        ModelIdentity.of(options),
        file,
        weights,
        tokenizer,
        new PromptEncoder(tokenizer, chatTemplate(weights, file)),
        options.cacheDirectory());
  }

  private static ChatTemplate chatTemplate(ModelWeights weights, Path file) {
    if (weights.chatTemplate().isEmpty()) {
      return ChatTemplate.GEMMA;
    }
    Optional<ChatTemplate> known = ChatTemplate.recognize(weights.chatTemplate().get());
    if (known.isEmpty()) {
      LOG.warn("{} brings a chat template of an unknown kind; Gemma's own is used instead (none is ever run)", file);
    }
    return known.orElse(ChatTemplate.GEMMA);
  }

  PackedModel pack(WorkerPool pool, EngineOptions.LoadListener progress) {
    return PackedModelFile.open(
        weights, file, identity.sha256(), cacheDirectory, pool, share -> progress.progress("packing", share));
  }

  /** The context that an engine with these options runs. */
  int contextLength(EngineOptions options) {
    int trained = weights.config().contextLength();
    return Math.min(trained, options.contextLength().orElse(LONGEST_CONTEXT));
  }
}
