package dev.gemmaspark.engine.internal.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * SHA-256 of a model file, in lower-case hexadecimal. Computed once for each machine: remembered in the model cache under the file's
 * path, size and time of change.
 */
public final class ModelChecksum {
  private static final Logger LOG = LoggerFactory.getLogger(ModelChecksum.class);
  private static final int BUFFER_BYTES = 1 << 20;

  private ModelChecksum() {}

  /**
   * The checksum of a file.
   *
   * @param progress is told the share that has been read
   */
  public static String of(Path file, Path cacheDirectory, DoubleConsumer progress) throws IOException {
    BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
    String identity =
        String.format(Locale.ROOT, "%s %d %s", file.toRealPath(), attributes.size(), attributes.lastModifiedTime().to(TimeUnit.NANOSECONDS));
    Path memo =
        cacheDirectory.resolve("checksums").resolve(hex(digest().digest(identity.getBytes(StandardCharsets.UTF_8))));
    if (Files.isReadable(memo)) {
      String remembered = Files.readString(memo).strip();
      if (remembered.matches("[0-9a-f]{64}")) {
        return remembered;
      }
    }
    String checksum = compute(file, attributes.size(), progress);
    remember(memo, checksum);
    return checksum;
  }

  /**
   * The checksum of some files together: that of the only one, or of a text with a line for each, its checksum, a space and its name, in the
   * order of the names.
   *
   * @param progress is told the share of the files that has been read
   */
  public static String of(List<Path> files, Path cacheDirectory, DoubleConsumer progress) throws IOException {
    if (files.size() == 1) {
      return of(files.getFirst(), cacheDirectory, progress);
    }
    List<Path> ordered = files.stream().sorted(Comparator.comparing(file -> file.getFileName().toString())).toList();
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < ordered.size(); i++) {
      int done = i;
      String checksum = of(ordered.get(i), cacheDirectory, share -> progress.accept((done + share) / ordered.size()));
      text.append(checksum).append(' ').append(ordered.get(i).getFileName()).append('\n');
    }
    return of(text.toString());
  }

  /** The checksum of a text, in UTF-8. */
  public static String of(String text) {
    return of(text.getBytes(StandardCharsets.UTF_8));
  }

  /** The checksum of some bytes. */
  public static String of(byte[] bytes) {
    return hex(digest().digest(bytes));
  }

  private static String compute(Path file, long size, DoubleConsumer progress) throws IOException {
    MessageDigest digest = digest();
    ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES);
    long done = 0;
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      while (channel.read(buffer) >= 0) {
        buffer.flip();
        done += buffer.remaining();
        digest.update(buffer);
        buffer.clear();
        progress.accept((double) done / size);
      }
    }
    return hex(digest.digest());
  }

  private static void remember(Path memo, String checksum) throws IOException {
    try {
      AtomicFile.write(memo, channel -> channel.write(ByteBuffer.wrap(checksum.getBytes(StandardCharsets.US_ASCII))));
    } catch (AccessDeniedException e) {
      // the folder is another user's; it is computed again the next time
      LOG.debug("The checksum is not kept: {}", memo, e);
    }
  }

  private static String hex(byte[] digest) {
    return HexFormat.of().formatHex(digest);
  }

  private static MessageDigest digest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
