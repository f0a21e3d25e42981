package dev.gemmaspark.engine.internal.tensor;

import java.util.Arrays;
import java.util.Optional;

/**
 * How the weights of a tensor are stored: plain numbers, or blocks of quantized ones. The ids are those of GGUF
 * (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
 */
public enum TensorType {
  F32(0, 1, 4),
  F16(1, 1, 2),
  Q4_0(2, 32, 18),
  Q4_1(3, 32, 20),
  Q5_0(6, 32, 22),
  Q5_1(7, 32, 24),
  Q8_0(8, 32, 34),
  Q2_K(10, 256, 84),
  Q3_K(11, 256, 110),
  Q4_K(12, 256, 144),
  Q5_K(13, 256, 176),
  Q6_K(14, 256, 210),
  IQ4_NL(20, 32, 18),
  IQ4_XS(23, 256, 136),
  BF16(30, 1, 2);

  private final int ggufId;
  private final int blockSize;
  private final int blockBytes;

  TensorType(int ggufId, int blockSize, int blockBytes) {
    this.ggufId = ggufId;
    this.blockSize = blockSize;
    this.blockBytes = blockBytes;
  }

  /** The type with this id in a GGUF file, if it is one that this project knows. */
  public static Optional<TensorType> ofGgufId(int id) {
    return Arrays.stream(values()).filter(type -> type.ggufId == id).findFirst();
  }

  public int ggufId() {
    return ggufId;
  }

  /** Weights in one block; a row of a tensor is a whole number of blocks. */
  public int blockSize() {
    return blockSize;
  }

  /** Bytes of one block. */
  public int blockBytes() {
    return blockBytes;
  }

  /** Bytes of {@code elements} weights, a whole number of blocks. */
  public long bytes(long elements) {
    return Math.multiplyExact(elements / blockSize, (long) blockBytes);
  }
}
