package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.error.InvalidSettingException;
import dev.gemmaspark.engine.internal.quantization.QuantizedRows;
import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import dev.gemmaspark.engine.internal.tensor.PanelFormats;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.tensor.WeightMatrix;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
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
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int ALIGNMENT = 4096;
  private static final int VOCABULARY = 256_000;

  private final Path file;
  private final FileChannel channel;
  private final RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(1);
  private final QuantizationMix mix;
  private long end;
  private ModelWeights<PackedMatrix> model;

  private SyntheticModel(Path file, QuantizationMix mix) throws IOException {
    this.file = file;
    this.mix = mix;
    this.channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  /**
   * Makes a model.
   *
   * @param shape {@code 2b} or {@code 9b}, of Gemma 2
   * @param type of the weights, or a mix of types such as {@code Q4_K_M}
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
    QuantizationMix mix = QuantizationMix.named(type);
    Files.createDirectories(directory);
    Path file = Files.createTempFile(directory, "synthetic-" + shape + "-", ".weights");
    SyntheticModel synthetic = new SyntheticModel(file, mix);
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
        Architecture.GEMMA2, LayerConfig.alternating(layers, 4096, Rope.unscaled(10000)), hidden, intermediate, heads, kvHeads, 256, 1 / 16f, 50, 30, 1e-6f, 8192, VOCABULARY);
  }

  /** Until the model is closed. */
  public ModelWeights<PackedMatrix> model() {
    return model;
  }

  private ModelWeights<PackedMatrix> write(ModelConfig config) throws IOException {
    int hidden = config.hiddenSize();
    int queries = config.attentionHeads() * config.headDim();
    int keys = config.kvHeads() * config.headDim();
    PackedMatrix head = matrix(new TensorName(TensorRole.EMBEDDING, 0), config, config.vocabSize(), hidden);
    List<PackedMatrix> packed = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      packed.add(matrix(new TensorName(TensorRole.QUERY, layer), config, queries, hidden));
      packed.add(matrix(new TensorName(TensorRole.KEY, layer), config, keys, hidden));
      packed.add(matrix(new TensorName(TensorRole.VALUE, layer), config, keys, hidden));
      packed.add(matrix(new TensorName(TensorRole.OUTPUT, layer), config, hidden, queries));
      packed.add(matrix(new TensorName(TensorRole.GATE, layer), config, config.intermediateSize(), hidden));
      packed.add(matrix(new TensorName(TensorRole.UP, layer), config, config.intermediateSize(), hidden));
      packed.add(matrix(new TensorName(TensorRole.DOWN, layer), config, hidden, config.intermediateSize()));
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
    return new ModelWeights<>(config, vocabulary(), Optional.empty(), Set.of(), head, Optional.empty(), layers, norm);
  }

  private PackedMatrix matrix(TensorName name, ModelConfig config, int rows, int columns) throws IOException {
    WeightRows source = QuantizedRows.of(randomRows(columns), type(name, config.layers()));
    PanelFormat format = PanelFormats.of(source.type());
    byte[] panel = new byte[Math.toIntExact(PackedMatrix.panelBytes(format, columns))];
    PackedMatrix.packPanel(source, 0, MemorySegment.ofArray(panel));
    int panels = PackedMatrix.panels(rows);
    long slack = PackedMatrix.packedBytes(format, rows, columns) - panels * (long) panel.length;
    return new PackedMatrix(name.gguf(), format, rows, columns, writeRepeated(ByteBuffer.wrap(panel), panels, slack));
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

  /** Published files of four bits keep the embedding, which is the output head too, in six. */
  private TensorType type(TensorName name, int layers) {
    boolean fourBits = mix == QuantizationMix.Q4_0 || mix == QuantizationMix.Q4_K;
    return fourBits && name.role() == TensorRole.EMBEDDING ? TensorType.Q6_K : mix.type(name, layers);
  }

  private WeightRows randomRows(int columns) {
    float[] weights = new float[PackedMatrix.PANEL_ROWS * columns];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) (random.nextGaussian() / 16);
    }
    MemorySegment data = MemorySegment.ofArray(ByteBuffer.allocate(Float.BYTES * weights.length).array());
    MemorySegment.copy(weights, 0, data, FLOAT, 0, weights.length);
    return new WeightMatrix("random", TensorType.F32, PackedMatrix.PANEL_ROWS, columns, data);
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
