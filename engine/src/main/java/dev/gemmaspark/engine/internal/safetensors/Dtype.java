package dev.gemmaspark.engine.internal.safetensors;

import dev.gemmaspark.engine.internal.tensor.TensorType;
import java.util.Arrays;
import java.util.Optional;

/** Types of numbers in safetensors files; those of weights have a {@link TensorType}. */
enum Dtype {
  BOOL(1, null),
  U8(1, null),
  I8(1, null),
  F8_E5M2(1, null),
  F8_E4M3(1, null),
  I16(2, null),
  U16(2, null),
  F16(2, TensorType.F16),
  BF16(2, TensorType.BF16),
  I32(4, null),
  U32(4, null),
  F32(4, TensorType.F32),
  F64(8, null),
  I64(8, null),
  U64(8, null);

  private final int bytes;
  private final TensorType type;

  Dtype(int bytes, TensorType type) {
    this.bytes = bytes;
    this.type = type;
  }

  static Optional<Dtype> named(String name) {
    return Arrays.stream(values()).filter(dtype -> dtype.name().equals(name)).findFirst();
  }

  int bytes() {
    return bytes;
  }

  Optional<TensorType> type() {
    return Optional.ofNullable(type);
  }
}
