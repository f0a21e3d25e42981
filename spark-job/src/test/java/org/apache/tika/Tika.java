package org.apache.tika;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Stands for Apache Tika, which is not among the tests' libraries: does what the file says. */
public final class Tika {
  public void setMaxStringLength(int length) {}

  public String parseToString(Path file) throws IOException {
    String text = Files.readString(file);
    switch (text) {
      case "EAT" -> {
        List<long[]> eaten = new ArrayList<>();
        while (true) {
          eaten.add(new long[1 << 20]);
        }
      }
      case "HANG" -> {
        while (true) {
          Thread.onSpinWait();
        }
      }
      case "DIE" -> Runtime.getRuntime().halt(7);
      case "THROW" -> throw new IllegalStateException("what the document says");
      default -> {}
    }
    return text;
  }
}
