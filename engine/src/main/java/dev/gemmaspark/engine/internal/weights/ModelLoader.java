package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.error.ModelFormatException;
import dev.gemmaspark.engine.internal.gguf.GgufFile;
import dev.gemmaspark.engine.internal.tokenizer.Vocabulary;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reads a model file, whatever form it has, and checks that it is a whole Gemma. */
public final class ModelLoader {
  private static final String CHAT_TEMPLATE = "tokenizer.chat_template";

  private ModelLoader() {}

  /**
   * Reads a model; its weights stay in the mapped file.
   *
   * @throws dev.gemmaspark.engine.error.GemmaException if it is missing, broken, or of another kind
   */
  public static ModelWeights load(Path path) {
    GgufFile file = GgufFile.open(path);
    ModelConfig config = GgufConfigReader.read(file);
    GgufWeights weights = new GgufWeights(file, config);
    Vocabulary vocabulary = GgufVocabularyReader.read(file);
    if (vocabulary.size() != config.vocabSize()) {
      throw new ModelFormatException(
          path,
          ModelFormatException.NO_OFFSET,
          "the vocabulary has %d pieces, but the embedding %d rows; tokenizer and weights are not of one model"
              .formatted(vocabulary.size(), config.vocabSize()));
    }
    List<LayerWeights> layers = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      layers.add(weights.layer(layer));
    }
    return new ModelWeights(
        config,
        vocabulary,
        file.metadata().optionalString(CHAT_TEMPLATE),
        weights.embedding(),
        layers,
        weights.outputNorm());
  }

  /**
   * Reads a model's vocabulary alone.
   *
   * @throws dev.gemmaspark.engine.error.GemmaException if it is missing or broken
   */
  public static Vocabulary loadVocabulary(Path path) {
    return GgufVocabularyReader.read(GgufFile.open(path));
  }
}
