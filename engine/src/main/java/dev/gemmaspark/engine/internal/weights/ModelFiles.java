package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.error.ModelFormatException;
import dev.gemmaspark.engine.error.ModelNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Which files a model is made of.
 *
 * @param path what the user named
 * @param form what kind of model it is
 * @param files all that the model is read from; of a GGUF in parts, in their order
 */
public record ModelFiles(Path path, Form form, List<Path> files) {
  private static final Pattern PART = Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf");
  private static final int MOST_PARTS = 1000;

  /** The names of a Hugging Face directory that count; whatever else lies there is not looked at. */
  private static final List<String> NAMES =
      List.of(
          HuggingFaceModel.CONFIG,
          HuggingFaceModel.GENERATION_CONFIG,
          HuggingFaceModel.TOKENIZER_CONFIG,
          HuggingFaceModel.CHAT_TEMPLATE,
          "tokenizer.json",
          "tokenizer.model");

  /** Forms of models. */
  public enum Form {
    GGUF,
    HUGGING_FACE
  }

  public ModelFiles {
    files = List.copyOf(files);
  }

  /**
   * Finds the files of a model.
   *
   * @param path a GGUF file, any part of a GGUF in parts, or a Hugging Face directory
   * @throws ModelNotFoundException if there is no model, or files of it are missing
   */
  public static ModelFiles of(Path path) {
    if (Files.isDirectory(path)) {
      return directory(path);
    }
    if (!Files.exists(path)) {
      throw new ModelNotFoundException("There is no file " + path.toAbsolutePath() + "; check the path");
    }
    Matcher part = PART.matcher(path.getFileName().toString());
    return new ModelFiles(path, Form.GGUF, part.matches() ? parts(path, part) : List.of(path));
  }

  private static List<Path> parts(Path path, Matcher named) {
    int count = Integer.parseInt(named.group(3));
    if (count < 1 || count > MOST_PARTS) {
      throw new ModelFormatException(
          path, ModelFormatException.NO_OFFSET, String.format(Locale.ROOT, "the name says %d parts; 1 to %d expected", count, MOST_PARTS));
    }
    List<Path> parts = new ArrayList<>();
    for (int i = 1; i <= count; i++) {
      Path part = path.resolveSibling(String.format(Locale.ROOT, "%s-%05d-of-%05d.gguf", named.group(1), i, count));
      if (!Files.exists(part)) {
        throw new ModelNotFoundException(
            String.format(Locale.ROOT, "Part %d of the %d of %s is missing: there is no file %s; all parts must lie in one folder",
                i, count, path.getFileName(), part.toAbsolutePath()));
      }
      parts.add(part);
    }
    return parts;
  }

  private static ModelFiles directory(Path path) {
    if (!Files.exists(path.resolve(HuggingFaceModel.CONFIG))) {
      boolean adapter = Files.exists(path.resolve(LoraAdapter.CONFIG));
      throw new ModelNotFoundException(
          adapter
              ? path + " is a LoRA adapter; name the model that it adapts, and the adapter as such (--lora, spark.gemma.lora)"
              : path + " is a directory without config.json; name a GGUF file, or the directory of a Hugging Face model");
    }
    List<Path> files = new ArrayList<>();
    for (String name : NAMES) {
      if (Files.exists(path.resolve(name))) {
        files.add(path.resolve(name));
      }
    }
    files.addAll(safetensors(path));
    return new ModelFiles(path, Form.HUGGING_FACE, files);
  }

  private static List<Path> safetensors(Path directory) {
    Path index = directory.resolve(HuggingFaceModel.INDEX);
    if (Files.exists(directory.resolve(HuggingFaceModel.WEIGHTS))) {
      return List.of(directory.resolve(HuggingFaceModel.WEIGHTS));
    }
    if (Files.exists(index)) {
      List<Path> files = new ArrayList<>(HuggingFaceModel.shards(index));
      files.add(index);
      return files;
    }
    throw new ModelNotFoundException(
        directory
            + " has neither model.safetensors nor model.safetensors.index.json"
            + (hasPickle(directory)
                ? "; its weights are a pickled PyTorch checkpoint, which may run code when it is read and is refused: use safetensors or GGUF"
                : "; get the model again"));
  }

  private static boolean hasPickle(Path directory) {
    try (Stream<Path> files = Files.list(directory)) {
      return files.anyMatch(file -> file.toString().matches(".*\\.(bin|pt|pth|ckpt)"));
    } catch (IOException e) {
      return false;
    }
  }
}
