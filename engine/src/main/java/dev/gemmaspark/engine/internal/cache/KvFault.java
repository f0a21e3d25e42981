package dev.gemmaspark.engine.internal.cache;

import dev.gemmaspark.engine.internal.tensor.KvType;

/**
 * A key or value that a cache could not keep: not finite, or too large for its type. What attends to it is wrong from there on, in silence
 * where a soft cap makes it finite again.
 *
 * @param layer where it was found, the first one
 * @param value its magnitude, as the model computed it
 */
public record KvFault(int layer, float value) {

  /** Whether the model's number was one, and only the cache's type is too small for it. */
  public boolean isOverflow() {
    return Float.isFinite(value);
  }

  /** The problem and its mend, in a user's words. */
  public String message(KvCacheShape shape) {
    KvType type = shape.block().type();
    String where = "the keys or values of layer " + layer + " of " + shape.layers();
    return isOverflow()
        ? where
            + (" reach " + value + ", and the KV cache keeps no more than " + type.largest() + " as " + type.label())
            + ("; set kvCacheType to " + (type == KvType.F16 ? "bf16 or f32" : "f32"))
        : where + " are not finite numbers; its weights are broken: check the file with `gemma inspect --verify`";
  }
}
