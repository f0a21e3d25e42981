package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.error.ModelFormatException;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import dev.gemmaspark.engine.internal.tensor.PanelFormats;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.DoubleConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The packed weights of a model, in a file of the machine's model cache: written once, mapped by every process after that, so that
 * all executors of a machine share one copy in the page cache.
 *
 * <pre>
 * header, 4096 bytes: magic "GEMMAPNL" | layout version u32 | 0 u32 | file size u64 | SHA-256 of the model file, 32 bytes | zeros
 * packed matrices, each from a multiple of 4096 on: embedding, the head where there is one, then for each layer query, key, value, output, gate, up, down
 * </pre>
 *
 * The name is the model file's checksum. The file is written under another name, by one process at a time, and renamed when it is
 * whole; it is written and not mapped until then, so that a full disk is an error and not a crash. Whoever writes one deletes what killed
 * processes left, and files of older layouts.
 */
public final class PackedModelFile {
  /** Counts changes of the layout of panels. */
  private static final int LAYOUT_VERSION = 5;

  /** Of packed files and their locks; the layout version is the group. */
  private static final Pattern NAME = Pattern.compile("[0-9a-f]{64}-v([0-9]{1,9})\\.panels(?:\\.lock)?");

  private static final byte[] MAGIC = "GEMMAPNL".getBytes(StandardCharsets.US_ASCII);
  private static final int HEADER_BYTES = 4096;
  private static final int ALIGNMENT = 4096;

  private final ModelWeights<WeightRows> weights;
  private final Path model;
  private final byte[] sha256;
  private final Path file;
  private final List<Entry> entries = new ArrayList<>();
  private final long size;

  private record Entry(WeightRows source, PanelFormat format, long offset, long bytes) {}

  private PackedModelFile(ModelWeights<WeightRows> weights, Path model, String sha256, Path cacheDirectory) {
    this.weights = weights;
    this.model = model;
    this.sha256 = HexFormat.of().parseHex(sha256);
    this.file = cacheDirectory.resolve("packed").resolve(sha256 + "-v" + LAYOUT_VERSION + ".panels");
    long offset = HEADER_BYTES;
    for (WeightRows source : weights.matrices()) {
      PanelFormat format = PanelFormats.of(source.type());
      long bytes = PackedMatrix.packedBytes(format, source.rows(), source.columns());
      entries.add(new Entry(source, format, offset, bytes));
      offset += Math.ceilDiv(bytes, (long) ALIGNMENT) * ALIGNMENT;
    }
    this.size = offset;
  }

  /**
   * Maps the packed weights of a model, and packs them first where that has not been done.
   *
   * @param weights what the model file has
   * @param model the model file, for messages
   * @param sha256 its checksum
   * @param cacheDirectory where packed files are kept
   * @param pool packs panels in parallel
   * @param progress is told the share that has been packed
   * @throws ModelFormatException if weights are not finite
   * @throws GemmaException if the cache cannot be written
   */
  public static ModelWeights<PackedMatrix> open(
      ModelWeights<WeightRows> weights, Path model, String sha256, Path cacheDirectory, WorkerPool pool, DoubleConsumer progress) {
    PackedModelFile packed = new PackedModelFile(weights, model, sha256, cacheDirectory);
    try {
      if (!packed.isWhole()) {
        packed.write(pool, progress);
      }
      return packed.map();
    } catch (IOException e) {
      throw new GemmaException(
          (Files.exists(packed.file) && !Files.isReadable(packed.file) ? "Cannot read the packed weights " : "Cannot write the packed weights to ")
              + packed.file
              + " ("
              + packed.size / (1 << 20)
              + " MiB): "
              + (e instanceof AccessDeniedException ? "permission denied for " : "")
              + e.getMessage()
              + "; make room there, or name another cache folder",
          e);
    }
  }

  private boolean isWhole() throws IOException {
    if (!Files.exists(file) || Files.size(file) != size) {
      return false;
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES);
      channel.read(header, 0);
      return header.rewind().equals(header());
    }
  }

  private ByteBuffer header() {
    return ByteBuffer.allocate(HEADER_BYTES)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(MAGIC)
        .putInt(LAYOUT_VERSION)
        .putInt(0)
        .putLong(size)
        .put(sha256)
        .clear();
  }

  private void write(WorkerPool pool, DoubleConsumer progress) throws IOException {
    Files.createDirectories(file.getParent());
    Path lock = file.resolveSibling(file.getFileName() + ".lock");
    try (FileChannel channel =
            FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock held = ProcessLock.acquire(channel)) {
      if (!held.isValid() || isWhole()) {
        return;
      }
      AtomicFile.deleteAbandoned(file.getParent(), "");
      deleteOldLayouts();
      AtomicFile.write(file, unfinished -> pack(unfinished, pool, progress));
    }
  }

  /** No process reads them any more but one of an older version, and that keeps what it has mapped. */
  private void deleteOldLayouts() throws IOException {
    try (Stream<Path> entries = Files.list(file.getParent())) {
      for (Path entry : entries.toList()) {
        Matcher name = NAME.matcher(entry.getFileName().toString());
        if (name.matches() && Integer.parseInt(name.group(1)) < LAYOUT_VERSION) {
          Files.deleteIfExists(entry);
        }
      }
    }
  }

  private void pack(FileChannel channel, WorkerPool pool, DoubleConsumer progress) throws IOException {
    try {
      // gives the file its length; the last matrix may end with this very byte
      writeFully(channel, ByteBuffer.allocate(1), size - 1);
      int panels = entries.stream().mapToInt(entry -> PackedMatrix.panels(entry.source.rows())).sum();
      AtomicInteger done = new AtomicInteger();
      for (Entry entry : entries) {
        pool.run(
            PackedMatrix.panels(entry.source.rows()),
            (worker, panel) -> {
              packPanel(entry, panel, channel);
              progress.accept((double) done.incrementAndGet() / panels);
            });
      }
      writeFully(channel, header(), 0);
    } catch (PackingException e) {
      throw e.getCause();
    }
  }

  private void packPanel(Entry entry, int panel, FileChannel channel) {
    long bytes = PackedMatrix.panelBytes(entry.format, entry.source.columns());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment packed = arena.allocate(bytes);
      if (!PackedMatrix.packPanel(entry.source, panel, packed)) {
        throw new ModelFormatException(
            model,
            ModelFormatException.NO_OFFSET,
            String.format(Locale.ROOT, "tensor %s has weights that are infinite or not numbers in rows %d to %d; get a sound copy of the model",
                entry.source.name(),
                    panel * PackedMatrix.PANEL_ROWS,
                    Math.min(entry.source.rows(), (panel + 1) * PackedMatrix.PANEL_ROWS) - 1));
      }
      writeFully(channel, packed.asByteBuffer(), entry.offset + panel * bytes);
    } catch (IOException e) {
      throw new PackingException(e);
    }
  }

  private static void writeFully(FileChannel channel, ByteBuffer bytes, long offset) throws IOException {
    while (bytes.hasRemaining()) {
      offset += channel.write(bytes, offset);
    }
  }

  private ModelWeights<PackedMatrix> map() throws IOException {
    MemorySegment mapped;
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, Arena.ofAuto());
    }
    Iterator<Entry> next = entries.iterator();
    return weights.map(
        (name, source) -> {
          Entry entry = next.next();
          MemorySegment data = mapped.asSlice(entry.offset, entry.bytes);
          return new PackedMatrix(source.name(), entry.format, source.rows(), source.columns(), data);
        });
  }

  /** Carries an {@link IOException} out of a worker. */
  private static final class PackingException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    PackingException(IOException cause) {
      super(cause);
    }

    @Override
    public synchronized IOException getCause() {
      return (IOException) super.getCause();
    }
  }
}
