package dev.gemmaspark.engine.internal.tensor;

/** A matrix of weights, in whatever layout: {@code rows} outputs of {@code columns} inputs each. */
public interface Matrix {
  /** As in the model file, for messages. */
  String name();

  /** How the weights are stored. */
  TensorType type();

  int rows();

  int columns();

  /** Bytes of the weights in the layout of model files. */
  default long bytes() {
    return type().bytes((long) rows() * columns());
  }
}
