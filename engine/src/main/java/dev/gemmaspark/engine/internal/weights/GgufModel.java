package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.error.ModelFormatException;
import dev.gemmaspark.engine.internal.gguf.GgufFile;
import dev.gemmaspark.engine.internal.gguf.GgufMetadata;
import dev.gemmaspark.engine.internal.tensor.StoredTensor;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** A model in one GGUF file, or in several that its publisher split it into; the first has the metadata. */
final class GgufModel implements TensorSource {
  private static final String CHAT_TEMPLATE = "tokenizer.chat_template";
  private static final List<String> STOP_KEYS = List.of("tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id");

  private final Path path;
  private final GgufMetadata metadata;
  private final Map<String, StoredTensor> tensors = new HashMap<>();

  private GgufModel(Path path, List<Path> parts) {
    this.path = path;
    GgufFile first = GgufFile.open(parts.getFirst());
    this.metadata = first.metadata();
    checkPart(first, 0, parts.size());
    add(first);
    for (int i = 1; i < parts.size(); i++) {
      GgufFile part = GgufFile.open(parts.get(i));
      checkPart(part, i, parts.size());
      add(part);
    }
  }

  /** Whoever renames or mixes parts finds out here, and not by a tensor that is missing. */
  private static void checkPart(GgufFile file, int index, int count) {
    int saidIndex = file.metadata().optionalInteger("split.no").orElse(0);
    int saidCount = file.metadata().optionalInteger("split.count").orElse(1);
    if (saidIndex != index || saidCount != count) {
      throw new ModelFormatException(
          file.path(),
          ModelFormatException.NO_OFFSET,
          String.format(Locale.ROOT,
              "the file says that it is part %d of %d, and its name that it is part %d of %d; get the parts again, under their own names",
              saidIndex + 1, saidCount, index + 1, count));
    }
  }

  private void add(GgufFile file) {
    file.tensors()
        .forEach(
            (name, tensor) -> {
              if (tensors.put(name, tensor) != null) {
                throw new ModelFormatException(
                    file.path(), ModelFormatException.NO_OFFSET, "tensor " + name + " stands in another part too");
              }
            });
  }

  static ModelWeights<WeightRows> load(Path path, List<Path> parts) {
    GgufModel model = new GgufModel(path, parts);
    ModelConfig config = new GgufConfigReader(model).read();
    var vocabulary = GgufVocabularyReader.read(path, model.metadata);
    Set<Integer> stopTokens = new HashSet<>();
    stopTokens.add(vocabulary.eos());
    vocabulary.endOfTurn().ifPresent(stopTokens::add);
    for (String key : STOP_KEYS) {
      model.metadata.optionalInteger(key).ifPresent(stopTokens::add);
    }
    return WeightsReader.read(model, config, vocabulary, model.metadata.optionalString(CHAT_TEMPLATE), stopTokens);
  }

  @Override
  public Path path() {
    return path;
  }

  GgufMetadata metadata() {
    return metadata;
  }

  @Override
  public String name(TensorName name) {
    return name.gguf();
  }

  @Override
  public Optional<StoredTensor> find(TensorName name) {
    return Optional.ofNullable(tensors.get(name.gguf()));
  }

  @Override
  public Set<String> names() {
    return tensors.keySet();
  }

  @Override
  public boolean isHarmless(String name) {
    return false;
  }

  @Override
  public HeadKind head() {
    return HeadKind.WHICH_IS_THERE;
  }

  @Override
  public float normOffset() {
    return 0;
  }
}
