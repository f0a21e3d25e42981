package dev.gemmaspark.engine.internal.gguf;

import dev.gemmaspark.engine.error.ModelFormatException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Locale;

/** Says what a file is that is not GGUF: the first thing that somebody wants to know whose model does not load. */
final class ForeignFile {
  private static final int LOOKED_AT = 64;

  private ForeignFile() {}

  static ModelFormatException named(Path file, MemorySegment memory) {
    int length = (int) Math.min(LOOKED_AT, memory.byteSize());
    byte[] start = memory.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
    return new ModelFormatException(file, 0, "not a GGUF file: " + kind(start));
  }

  private static String kind(byte[] start) {
    String text = new String(start, StandardCharsets.ISO_8859_1);
    String lower = text.stripLeading().toLowerCase(Locale.ROOT);
    if (text.startsWith("FUGG")) {
      return "a GGUF file of a big-endian machine; only little-endian ones are read";
    }
    if (text.startsWith("version https://git-lfs")) {
      return "it looks like a Git LFS pointer; run `git lfs pull` to get the file itself";
    }
    if (lower.startsWith("<!doctype") || lower.startsWith("<html")) {
      return "it looks like an HTML page, perhaps of a download that failed; get the file again";
    }
    if (text.startsWith("PK") || start[0] == (byte) 0x80) {
      return "it looks like a pickled PyTorch checkpoint, which may run code when it is read and is refused;"
          + " use GGUF or safetensors";
    }
    if (start.length > 9 && start[8] == '{' && start[7] == 0) {
      return "it looks like a safetensors file; name the directory that it is in, with config.json beside it";
    }
    if (text.startsWith("ggml") || text.startsWith("lmgg") || text.startsWith("tjgg")) {
      return "it has the format that came before GGUF; convert the model again";
    }
    return String.format(Locale.ROOT, "it starts with %s, and GGUF with 47475546 (\"GGUF\")",
        HexFormat.of().formatHex(start, 0, Math.min(4, start.length)));
  }
}
