package dev.gemmaspark.engine.internal.kernel;

import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import dev.gemmaspark.engine.internal.tensor.RandomWeights;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Multiply-adds that one thread makes in a nanosecond, with weights in its cache; twice as many are GFLOP/s. Run by the Maven
 * profile {@code benchmarks}.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 3, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
public class ProductBenchmark {
  private static final int COLUMNS = 2304;
  private static final int ROWS = Kernels.MAX_PANELS * PackedMatrix.PANEL_ROWS;

  @Param({"Q4_0", "Q8_0", "Q2_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_XS", "F16", "BF16"})
  TensorType type;

  private final Kernels kernels = new VectorKernels();
  private PackedMatrix matrix;
  private Activations one;
  private Activations sixteen;
  private Activations many;
  private KernelScratch scratch;

  @Setup
  public void setUp() {
    RandomGenerator random = RandomGenerator.of("L64X128MixRandom");
    matrix = RandomWeights.packed(RandomWeights.matrix(type, ROWS, COLUMNS, random));
    one = activations(1, random);
    sixteen = activations(16, random);
    many = activations(240, random);
    scratch = new KernelScratch(240, null);
  }

  private static Activations activations(int rows, RandomGenerator random) {
    float[] x = new float[rows * COLUMNS];
    for (int i = 0; i < x.length; i++) {
      x[i] = random.nextFloat() - 0.5f;
    }
    Activations activations = new Activations(rows, COLUMNS);
    activations.shape(rows, COLUMNS);
    for (int tile = 0; tile < activations.tiles(); tile++) {
      activations.pack(tile, x, COLUMNS);
    }
    return activations;
  }

  @Benchmark
  @OperationsPerInvocation(ROWS * COLUMNS)
  public float[] decodeOne() {
    return multiply(one);
  }

  @Benchmark
  @OperationsPerInvocation(16 * ROWS * COLUMNS)
  public float[] decodeSixteen() {
    return multiply(sixteen);
  }

  @Benchmark
  @OperationsPerInvocation(240 * ROWS * COLUMNS)
  public float[] prefill() {
    return multiply(many);
  }

  private float[] multiply(Activations x) {
    kernels.multiplyPanels(matrix, 0, Kernels.MAX_PANELS, x, scratch);
    return scratch.products;
  }
}
