package dev.gemmaspark.engine;

import dev.gemmaspark.engine.internal.tensor.KvType;

/** How an engine keeps keys and values. */
public enum KvCacheType {
  /** Half precision: half the memory of {@link #F32}, and the default. */
  F16,
  /** The range of single precision with 8 bits of it: for weights whose keys or values exceed 65504. */
  BF16,
  /** Single precision: as the model computes. */
  F32;

  KvType internal() {
    return KvType.valueOf(name());
  }
}
