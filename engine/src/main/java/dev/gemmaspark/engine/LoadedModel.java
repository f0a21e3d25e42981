package dev.gemmaspark.engine;

import dev.gemmaspark.engine.chat.ChatTemplate;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import dev.gemmaspark.engine.internal.tokenizer.PromptEncoder;
import dev.gemmaspark.engine.internal.tokenizer.Tokenizer;
import dev.gemmaspark.engine.internal.weights.LoraAdapter;
import dev.gemmaspark.engine.internal.weights.ModelChecksum;
import dev.gemmaspark.engine.internal.weights.ModelFiles;
import dev.gemmaspark.engine.internal.weights.ModelLoader;
import dev.gemmaspark.engine.internal.weights.ModelWeights;
import dev.gemmaspark.engine.internal.weights.PackedModelFile;
import dev.gemmaspark.engine.internal.weights.QuantizationMix;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A model, found, checked and read; its weights are packed when somebody asks for them.
 *
 * @param identity its name and checksum
 * @param path where it is
 * @param weights as its files have them, or as they are changed while loading
 * @param tokenizer of its vocabulary
 * @param prompts its chat template and tokenizer
 * @param cacheDirectory where packed weights are kept
 */
record LoadedModel(
    ModelIdentity identity,
    Path path,
    ModelWeights<WeightRows> weights,
    Tokenizer tokenizer,
    PromptEncoder prompts,
    Path cacheDirectory) {
  private static final Logger LOG = LoggerFactory.getLogger(LoadedModel.class);

  /** Positions of a context where neither the caller nor the model asks for fewer. */
  static final int LONGEST_CONTEXT = 8192;

  static LoadedModel load(EngineOptions options) {
    ModelSource model = options.model();
    if (model.isDemo()) {
      LOG.warn(DemoModel.NOTICE);
    }
    ModelFiles files = ModelIdentity.files(options);
    ModelWeights<WeightRows> stored = ModelLoader.load(files);
    ModelWeights<WeightRows> merged = model.lora().map(adapter -> merge(adapter, stored)).orElse(stored);
    ModelWeights<WeightRows> weights =
        model.quantization().map(name -> QuantizationMix.named(name).apply(merged)).orElse(merged);
    Tokenizer tokenizer = new Tokenizer(weights.vocabulary());
    Optional<ChatTemplate> template = model.chatTemplate().or(() -> chatTemplate(weights));
    return new LoadedModel(
        ModelIdentity.of(options),
        files.path(),
        weights,
        tokenizer,
        new PromptEncoder(tokenizer, template),
        options.cacheDirectory());
  }

  private static ModelWeights<WeightRows> merge(Path adapter, ModelWeights<WeightRows> stored) {
    ModelWeights<WeightRows> merged = LoraAdapter.merge(adapter, stored);
    LOG.info("{} is merged; the matrices take {} MiB, {} MiB before", adapter, mebibytes(merged), mebibytes(stored));
    return merged;
  }

  private static long mebibytes(ModelWeights<WeightRows> weights) {
    return weights.matrices().stream().mapToLong(WeightRows::bytes).sum() >> 20;
  }

  /** Gemma's where the file has none; empty where it has one of another form. */
  private static Optional<ChatTemplate> chatTemplate(ModelWeights<WeightRows> weights) {
    return weights.chatTemplate().isEmpty() ? Optional.of(ChatTemplate.GEMMA) : ChatTemplate.recognize(weights.chatTemplate().get());
  }

  /** The weights as the kernels want them. What the identity does not say of them, their types, goes into the name of the packed file. */
  ModelWeights<PackedMatrix> pack(WorkerPool pool, EngineOptions.LoadListener progress) {
    String types = weights.matrices().stream().map(matrix -> matrix.type().name()).collect(Collectors.joining(" "));
    String contents = ModelChecksum.of(identity.sha256() + " " + types);
    return PackedModelFile.open(
        weights, path, contents, cacheDirectory, pool, share -> progress.progress("packing", share));
  }

  /** The context that an engine with these options runs. */
  int contextLength(EngineOptions options) {
    int trained = weights.config().contextLength();
    return Math.min(trained, options.contextLength().orElse(LONGEST_CONTEXT));
  }
}
