package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.error.InvalidSettingException;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import dev.gemmaspark.engine.internal.tensor.PanelFormats;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.tensor.WeightMatrix;
import dev.gemmaspark.engine.internal.tokenizer.TokenType;
import dev.gemmaspark.engine.internal.tokenizer.Vocabulary;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * A model of random weights in the shape of a published one, for measuring before its weights are at hand. The weights are in a file
 * that is deleted when the model is closed, and mapped like any other's. A panel of weights is repeated all over its matrix: how fast the
 * kernels run does not depend on what they read.
 */
public final class SyntheticModel implements AutoCloseable {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int ALIGNMENT = 4096;
  private static final int VOCABULARY = 256_000;

  /** The mix of types that llama.cpp calls so. */
  private static final String Q4_K_M = "Q4_K_M";

  private final Path file;
  private final FileChannel channel;
  private final RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(1);
  private final String type;
  private long end;
  private ModelWeights<PackedMatrix> model;

  private SyntheticModel(Path file, String type) throws IOException {
    this.file = file;
    this.type = type;
    this.channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  /**
   * Makes a model.
   *
   * @param shape {@code 2b} or {@code 9b}, of Gemma 2
   * @param type of the weights: one that the engine runs, or {@code Q4_K_M}
   * @param directory where the file goes
   * @throws InvalidSettingException if there is no such shape or type
   */
  public static SyntheticModel create(String shape, String type, Path directory) throws IOException {
    ModelConfig config =
        switch (shape) {
          case "2b" -> config(26, 2304, 9216, 8, 4);
          case "9b" -> config(42, 3584, 14336, 16, 8);
          default -> throw new InvalidSettingException("There is no synthetic model '" + shape + "'; there are 2b and 9b");
        };
    if (!type.equals(Q4_K_M) && Arrays.stream(TensorType.values()).noneMatch(known -> known.name().equals(type))) {
      throw new InvalidSettingException(
          "There is no weight type '%s' to synthesize; there are %s and %s".formatted(type, Arrays.toString(TensorType.values()), Q4_K_M));
    }
    Files.createDirectories(directory);
    Path file = Files.createTempFile(directory, "synthetic-" + shape + "-", ".weights");
    SyntheticModel synthetic = new SyntheticModel(file, type);
    try {
      synthetic.model = synthetic.write(config);
      return synthetic;
    } catch (Throwable e) {
      synthetic.close();
      throw e;
    }
  }

  private static ModelConfig config(int layers, int hidden, int intermediate, int heads, int kvHeads) {
    return new ModelConfig(
        Architecture.GEMMA2, layers, hidden, intermediate, heads, kvHeads, 256, 1 / 16f, 50, 30, 4096, 1e-6f, 10000, 8192, VOCABULARY);
  }

  /** Until the model is closed. */
  public ModelWeights<PackedMatrix> model() {
    return model;
  }

  private ModelWeights<PackedMatrix> write(ModelConfig config) throws IOException {
    int hidden = config.hiddenSize();
    int queries = config.attentionHeads() * config.headDim();
    int keys = config.kvHeads() * config.headDim();
    // model files of four bits keep the embedding in six
    TensorType finest = type.startsWith("Q4") ? TensorType.Q6_K : TensorType.valueOf(type);
    PackedMatrix head = matrix("token_embd", finest, config.vocabSize(), hidden);
    List<PackedMatrix> packed = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      TensorType plain = type.equals(Q4_K_M) ? TensorType.Q4_K : TensorType.valueOf(type);
      TensorType fine = type.equals(Q4_K_M) && hasMoreBits(layer, config.layers()) ? TensorType.Q6_K : plain;
      packed.add(matrix("attn_q", plain, queries, hidden));
      packed.add(matrix("attn_k", plain, keys, hidden));
      packed.add(matrix("attn_v", fine, keys, hidden));
      packed.add(matrix("attn_output", plain, hidden, queries));
      packed.add(matrix("ffn_gate", plain, config.intermediateSize(), hidden));
      packed.add(matrix("ffn_up", plain, config.intermediateSize(), hidden));
      packed.add(matrix("ffn_down", fine, hidden, config.intermediateSize()));
    }
    return assemble(config, head, packed);
  }

  private static ModelWeights<PackedMatrix> assemble(ModelConfig config, PackedMatrix head, List<PackedMatrix> packed) {
    float[] norm = new float[config.hiddenSize()];
    Arrays.fill(norm, 1);
    Optional<float[]> postNorm = Optional.of(norm);
    List<LayerWeights<PackedMatrix>> layers = new ArrayList<>();
    for (int i = 0; i < packed.size(); i += 7) {
      List<PackedMatrix> p = packed.subList(i, i + 7);
      layers.add(
          new LayerWeights<>(norm, p.get(0), p.get(1), p.get(2), p.get(3), postNorm, norm, p.get(4), p.get(5), p.get(6), postNorm));
    }
    return new ModelWeights<>(config, vocabulary(), Optional.empty(), Set.of(), head, layers, norm);
  }

  /** As llama.cpp chooses them: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-quant.cpp. */
  private static boolean hasMoreBits(int layer, int layers) {
    return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
  }

  private PackedMatrix matrix(String name, TensorType type, int rows, int columns) throws IOException {
    PanelFormat format = PanelFormats.of(type);
    MemorySegment blocks = MemorySegment.ofArray(randomBlocks(type, PackedMatrix.PANEL_ROWS, columns));
    WeightMatrix source = new WeightMatrix(name, type, PackedMatrix.PANEL_ROWS, columns, blocks);
    byte[] panel = new byte[Math.toIntExact(PackedMatrix.panelBytes(format, columns))];
    PackedMatrix.packPanel(source, 0, MemorySegment.ofArray(panel));
    int panels = PackedMatrix.panels(rows);
    long slack = PackedMatrix.packedBytes(format, rows, columns) - panels * (long) panel.length;
    return new PackedMatrix(name, format, rows, columns, writeRepeated(ByteBuffer.wrap(panel), panels, slack));
  }

  private MemorySegment writeRepeated(ByteBuffer bytes, int times, long slack) throws IOException {
    long start = end;
    for (int i = 0; i < times; i++) {
      bytes.rewind();
      while (bytes.hasRemaining()) {
        end += channel.write(bytes, end);
      }
    }
    MemorySegment mapped = map(start, end + slack - start);
    end = Math.ceilDiv(end + slack, (long) ALIGNMENT) * ALIGNMENT;
    return mapped;
  }

  /** Read-write, which makes the file as long as needed; nothing is written. */
  private MemorySegment map(long start, long size) throws IOException {
    return channel.map(FileChannel.MapMode.READ_WRITE, start, size, Arena.ofAuto());
  }

  private byte[] randomBlocks(TensorType type, int rows, int columns) {
    byte[] bytes = new byte[Math.toIntExact(rows * type.bytes(columns))];
    random.nextBytes(bytes);
    MemorySegment data = MemorySegment.ofArray(bytes);
    for (long at = 0; at < bytes.length; at += type.blockBytes()) {
      switch (type) {
        case F32 -> data.set(INT, at, Float.floatToRawIntBits(small()));
        case BF16 -> data.set(SHORT, at, (short) (Float.floatToRawIntBits(small()) >>> 16));
        case F16, Q8_0, Q4_0 -> data.set(SHORT, at, half());
        case Q4_K -> {
          data.set(SHORT, at, half());
          data.set(SHORT, at + 2, half());
        }
        case Q6_K -> data.set(SHORT, at + 208, half());
        default -> throw new IllegalStateException(type + " has no random blocks");
      }
    }
    return bytes;
  }

  private short half() {
    return Float.floatToFloat16(small() / 16);
  }

  private float small() {
    return (random.nextFloat() - 0.5f) / 16;
  }

  private static Vocabulary vocabulary() {
    String[] pieces = new String[VOCABULARY];
    TokenType[] types = new TokenType[VOCABULARY];
    for (int i = 0; i < VOCABULARY; i++) {
      pieces[i] = "piece" + i;
      types[i] = i < 3 ? TokenType.CONTROL : TokenType.NORMAL;
    }
    return new Vocabulary(pieces, new float[VOCABULARY], types, 0, 1, 2, OptionalInt.empty(), OptionalInt.empty());
  }

  /** Deletes the file; its memory goes with the last that uses it. */
  @Override
  public void close() throws IOException {
    channel.close();
    Files.deleteIfExists(file);
  }
}
