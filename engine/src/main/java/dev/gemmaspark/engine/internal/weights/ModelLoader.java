package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.internal.gguf.GgufFile;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import dev.gemmaspark.engine.internal.tokenizer.Vocabulary;
import dev.gemmaspark.engine.internal.tokenizer.VocabularyReader;
import java.nio.file.Path;

/** Reads a model, whatever form it has, and checks that it is a whole Gemma. */
public final class ModelLoader {
  private ModelLoader() {}

  /**
   * Reads a model; its weights stay in the mapped files.
   *
   * @throws dev.gemmaspark.engine.error.GemmaException if it is missing, broken, or of another kind
   */
  public static ModelWeights<WeightRows> load(ModelFiles files) {
    return switch (files.form()) {
      case GGUF -> GgufModel.load(files.path(), files.files());
      case HUGGING_FACE -> HuggingFaceModel.load(files.path());
    };
  }

  /**
   * Reads a model's vocabulary alone.
   *
   * @throws dev.gemmaspark.engine.error.GemmaException if it is missing or broken
   */
  public static Vocabulary loadVocabulary(Path path) {
    ModelFiles files = ModelFiles.of(path);
    if (files.form() == ModelFiles.Form.HUGGING_FACE) {
      return VocabularyReader.read(path);
    }
    GgufFile first = GgufFile.open(files.files().getFirst());
    return GgufVocabularyReader.read(path, first.metadata());
  }
}
