package dev.gemmaspark.engine.internal.tokenizer;

import static dev.gemmaspark.engine.error.ModelFormatException.NO_OFFSET;

import dev.gemmaspark.engine.error.ModelFormatException;
import dev.gemmaspark.engine.error.ModelNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** Reads the vocabulary of a tokenizer file: {@code tokenizer.json} or {@code tokenizer.model}. */
public final class VocabularyReader {
  /** Gemma's own are 17 MB and 4 MB. */
  private static final long LARGEST = 256L << 20;

  private VocabularyReader() {}

  /**
   * Reads a tokenizer file, or the one in a Hugging Face directory.
   *
   * @param path {@code tokenizer.json}, {@code tokenizer.model}, or a directory with either; of both, the former
   * @throws ModelNotFoundException if there is none or it cannot be read
   * @throws ModelFormatException if it is broken
   * @throws dev.gemmaspark.engine.error.UnsupportedModelException if it is a tokenizer that works otherwise than Gemma's
   */
  public static Vocabulary read(Path path) {
    Path file = Files.isDirectory(path) ? fileIn(path) : path;
    try {
      long size = Files.size(file);
      if (size > LARGEST) {
        throw new ModelFormatException(
            file, NO_OFFSET, String.format(Locale.ROOT, "the file has %d bytes; a tokenizer has at most %d", size, LARGEST));
      }
      byte[] bytes = Files.readAllBytes(file);
      return isJson(bytes)
          ? new TokenizerJsonReader(file).read(bytes)
          : new SentencePieceReader(file).read(bytes);
    } catch (IOException e) {
      throw new ModelNotFoundException("tokenizer file " + file + " cannot be read: " + e, e);
    }
  }

  private static Path fileIn(Path directory) {
    Path json = directory.resolve("tokenizer.json");
    Path sentencePiece = directory.resolve("tokenizer.model");
    if (Files.exists(json)) {
      return json;
    }
    if (Files.exists(sentencePiece)) {
      return sentencePiece;
    }
    throw new ModelNotFoundException(
        directory + " has neither tokenizer.json nor tokenizer.model; the model's publisher has one of them");
  }

  private static boolean isJson(byte[] bytes) {
    int first = 0;
    while (first < bytes.length && Character.isWhitespace(bytes[first])) {
      first++;
    }
    return first < bytes.length && bytes[first] == '{';
  }
}
