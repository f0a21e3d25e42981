package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.internal.tensor.StoredTensor;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/** Where a model's tensors are. */
interface TensorSource {
  /** The file or folder, for messages. */
  Path path();

  /** What the source calls a tensor. */
  String name(TensorName name);

  /** A tensor, if it is there. */
  Optional<StoredTensor> find(TensorName name);

  /** The names of all tensors. */
  Set<String> names();

  /** Whether a tensor that nobody asked for leaves the text model as it is. */
  boolean isHarmless(String name);

  /** What the source says of the output head. */
  HeadKind head();

  /** Whether logits are products with the embedding. */
  enum HeadKind {
    /** They are. */
    EMBEDDING,
    /** The head is a matrix of its own. */
    OWN,
    /** If there is a matrix of its own, it is the head. */
    WHICH_IS_THERE
  }

  /** What is added to the stored weights of a norm: Hugging Face stores {@code w} for {@code 1 + w}. */
  float normOffset();
}
