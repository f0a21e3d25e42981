package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import java.util.List;

/**
 * One decoder layer, ready for the kernels.
 *
 * @param source the norms, and where the matrices come from
 * @param query and so on: as in {@link LayerWeights}
 */
public record PackedLayer(
    LayerWeights source,
    PackedMatrix query,
    PackedMatrix key,
    PackedMatrix value,
    PackedMatrix output,
    PackedMatrix gate,
    PackedMatrix up,
    PackedMatrix down) {

  /** The seven matrices, in the order of the forward pass. */
  public List<PackedMatrix> matrices() {
    return List.of(query, key, value, output, gate, up, down);
  }
}
