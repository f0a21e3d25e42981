package dev.gemmaspark.engine.fuzz;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A file for one input after the other. Each is a new one: what is mapped must not change. */
final class ScratchFile {
  private final Path file;

  ScratchFile(String name) {
    try {
      file = Files.createTempDirectory("fuzz").resolve(name);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Path write(byte[] data) {
    try {
      Files.deleteIfExists(file);
      return Files.write(file, data);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
