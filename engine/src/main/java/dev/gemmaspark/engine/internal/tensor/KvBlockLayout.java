package dev.gemmaspark.engine.internal.tensor;

/**
 * Keys and values of one layer at {@link #POSITIONS} neighbouring positions, in f32:
 *
 * <pre>
 * keys   [KV head][head dim][position]   so that neighbouring lanes of a score are neighbouring positions
 * values [KV head][position][head dim]   so that neighbouring lanes of an output are neighbouring elements
 * </pre>
 *
 * Blocks start at positions that {@link #POSITIONS} divides.
 *
 * @param kvHeads heads of keys and values
 * @param headDim width of a head
 */
public record KvBlockLayout(int kvHeads, int headDim) {
  /** Positions of one block: one vector of 512 bits. */
  public static final int POSITIONS = 16;

  /** Bytes of one block. */
  public long blockBytes() {
    return 2L * kvHeads * headDim * POSITIONS * Float.BYTES;
  }

  /** Offset of the keys of a head. */
  public long keys(int kvHead) {
    return (long) kvHead * headDim * POSITIONS * Float.BYTES;
  }

  /** Offset of the values of a head. */
  public long values(int kvHead) {
    return (long) (kvHeads + kvHead) * headDim * POSITIONS * Float.BYTES;
  }
}
