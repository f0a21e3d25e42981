package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.internal.tensor.StoredTensor;
import java.nio.file.Path;
import java.util.Optional;

/** Where a model's tensors are. */
interface TensorSource {
  /** The file or folder, for messages. */
  Path path();

  /** What the source calls a tensor. */
  String name(TensorName name);

  /** A tensor, if it is there. */
  Optional<StoredTensor> find(TensorName name);

  /** What is added to the stored weights of a norm: Hugging Face stores {@code w} for {@code 1 + w}. */
  float normOffset();
}
